//! The phone call with the customer's own password: what goes out, and what does when there is no
//! copy or the copy is not what it should be.

use doorkey::args;
use doorkey::merchant::Mode;

use super::refusing::forge;
use super::{ADA, BEN, COPIES, NEW, Vault, rotate, turn, vault};
use crate::support::app::{PASSWORD, text_of};
use crate::support::both;
use crate::support::desk::{AGENT, Seat};
use crate::support::smtp_sink::{Fault, Plan, Received, Step};

async fn click(vault: &Vault, agent: &mut Seat, email: &str) {
    let id = vault.test.customer_id("harbor", email).await;
    let answer = agent.post(&format!("/oms/customers/{id}/reminder"), &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(!answer.location().contains(PASSWORD));
}

/// Clicks the envelope; what the mail server took then.
pub async fn remind(vault: &Vault, email: &str) -> Vec<Received> {
    let mut agent = vault.test.seat(AGENT).await;
    click(vault, &mut agent, email).await;
    vault.test.deliver().await
}

/// In which form the last reminder went out.
async fn sent_mode(vault: &Vault) -> Option<String> {
    let sql = "SELECT sent_mode FROM reminder ORDER BY created_at DESC, id DESC LIMIT 1";
    vault.test.app.db.row(sql, args![]).await.unwrap().unwrap().get("sent_mode")
}

/// Why the last reminder was refused, as the timeline and the activity have it.
async fn refusals(vault: &Vault) -> (i64, Vec<String>) {
    let refused = "SELECT COUNT(*) AS n FROM timeline WHERE kind = 'reminder_refused'";
    let sql =
        "SELECT detail FROM activity WHERE action = 'seal.refused' AND alert = 1 ORDER BY seq";
    let rows = vault.test.app.db.rows(sql, args![]).await.unwrap();
    let reasons = rows.iter().map(|row| row.get("detail")).collect();
    (vault.test.count(refused).await, reasons)
}

both!(the_callers_own_password_arrives_and_is_changed, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let mails = remind(&vault, ADA).await;
    assert_eq!((mails.len(), &*mails[0].recipients), (1, &[ADA.to_owned()][..]));
    let text = text_of(&mails[0]);
    assert!(text.lines().any(|line| line == PASSWORD), "{text}");
    assert!(text.contains("http://127.0.0.1:8080/s/harbor/login"), "{text}");
    assert!(text.contains("choose a new one"), "{text}");
    assert_eq!(sent_mode(&vault).await.as_deref(), Some("current"));
    // The caller's half.
    let mut ada = vault.test.browser();
    let answer = ada.login("harbor", ADA, PASSWORD).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().starts_with("/s/harbor/account/password?"), "{}", answer.location());
    let page = ada.get(answer.location()).await;
    let (form, back) = (page.hidden("form_secret"), page.hidden("return_to"));
    let fields = [
        ("form_secret", &*form),
        ("return_to", &*back),
        ("current_password", PASSWORD),
        ("password", NEW),
        ("password_repeat", NEW),
    ];
    let answer = ada.post("/s/harbor/account/password", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/"));
    assert_eq!(vault.open(ADA).await, Some(Ok(NEW.into())));
    // Staff see that it went, not what.
    let mut agent = vault.test.seat(AGENT).await;
    let id = vault.test.customer_id("harbor", ADA).await;
    for (page, status) in [("", None), ("/edit", Some(200))] {
        let answer = agent.get(&format!("/oms/customers/{id}{page}")).await;
        assert!(status.is_none_or(|status| answer.status == status), "{page}");
        assert!(!answer.body.contains(PASSWORD) && !answer.body.contains(NEW), "{page}");
    }
});

both!(without_a_copy_a_temporary_password_goes_out, |db| async move {
    let vault = vault(db).await;
    let mails = remind(&vault, ADA).await;
    assert_eq!(mails.len(), 1);
    assert!(!text_of(&mails[0]).contains(PASSWORD));
    assert_eq!(sent_mode(&vault).await.as_deref(), Some("temporary"));
    assert_eq!(refusals(&vault).await, (0, Vec::new()), "which is nothing to worry about");
    // So it does when the mode was turned off between the click and the mail.
    vault.login(BEN, PASSWORD).await;
    let mut agent = vault.test.seat(AGENT).await;
    click(&vault, &mut agent, BEN).await;
    turn(&vault, "harbor", Mode::Temporary, None).await;
    let mails = vault.test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert!(!text_of(&mails[0]).contains(PASSWORD));
    assert_eq!(sent_mode(&vault).await.as_deref(), Some("temporary"));
});

both!(a_copy_that_is_not_what_it_should_be_is_not_mailed, |db| async move {
    let vault = vault(db).await;
    for email in [ADA, BEN] {
        vault.login(email, PASSWORD).await;
    }
    let mut wanted = Vec::new();
    for (wrong, reason) in
        [("forged", "forged"), ("swapped", "broken"), ("old", "stale"), ("file", "no_key")]
    {
        vault.login(ADA, PASSWORD).await;
        let good = vault.row(ADA).await;
        match wrong {
            "forged" => {
                let words = "mallory chose these words";
                vault.put(ADA, forge(&vault, ADA, words).await).await;
            }
            "swapped" => vault.put(ADA, vault.row(BEN).await).await,
            "old" => vault.put(ADA, (good.0, good.1, good.2 - 1)).await,
            _ => std::fs::rename(&vault.file, vault.file.with_extension("away")).unwrap(),
        }
        vault.test.wait(3601);
        assert!(remind(&vault, ADA).await.is_empty(), "{wrong}");
        assert_eq!(sent_mode(&vault).await, None);
        wanted.push(format!("{{\"reason\":\"{reason}\"}}"));
        let count = i64::try_from(wanted.len()).unwrap();
        assert_eq!(refusals(&vault).await, (count, wanted.clone()), "{wrong}");
    }
    std::fs::rename(vault.file.with_extension("away"), &vault.file).unwrap();
    vault.test.wait(3601);
    assert_eq!(text_of(&remind(&vault, ADA).await[0]).matches(PASSWORD).count(), 1);
    rotate(&vault).await;
    vault.test.wait(3601);
    assert!(!text_of(&remind(&vault, BEN).await[0]).contains(PASSWORD));
    assert_eq!(sent_mode(&vault).await.as_deref(), Some("temporary"), "after a new key");
    assert_eq!(vault.test.count(COPIES).await, 0);
});

both!(a_deferred_mail_is_sealed_again_until_it_goes, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let later = Fault::ReplyRecorded("451 4.3.0 later");
    vault.test.sink.set(Plan::accept().at(Step::Content, later)).await;
    assert_eq!(remind(&vault, ADA).await.len(), 1, "offered once");
    vault.test.sink.set(Plan::accept()).await;
    vault.test.wait(30);
    let mails = vault.test.deliver().await;
    assert!(text_of(&mails[0]).lines().any(|line| line == PASSWORD));
    assert_eq!(sent_mode(&vault).await.as_deref(), Some("current"));
});
