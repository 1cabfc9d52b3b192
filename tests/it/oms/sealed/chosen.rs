//! From the page of the settings to the mail and back: an administrator turns the mode on, a
//! reminder carries the caller's own password, and turning it off leaves nothing.

use super::ending::LEFT;
use super::story::remind;
use super::{ADA, BEN, COPIES, Vault, create, locked};
use crate::support::app::{PASSWORD, text_of};
use crate::support::both;
use crate::support::desk::{ADMIN, AGENT, Seat};

const CURRENT: &[(&str, &str)] = &[("mode", "current"), ("consent", "1")];

async fn choose(seat: &mut Seat, fields: &[(&str, &str)]) -> u16 {
    seat.post("/oms/settings/reminder", fields).await.status
}

/// Actions in the settings and about copies, with their details.
async fn noted(vault: &Vault) -> Vec<(String, String)> {
    let sql = "SELECT action, actor, detail FROM activity
               WHERE action IN ('settings.reminder_mode', 'seal.destroyed') ORDER BY seq";
    let rows = vault.test.app.db.rows(sql, vec![]).await.unwrap();
    let actor = |row: &doorkey::db::Row| row.get::<String>("actor");
    assert!(rows.iter().all(|row| actor(row).contains("Alex Admin")));
    rows.iter().map(|row| (row.get("action"), row.get("detail"))).collect()
}

both!(the_mode_is_turned_on_used_and_turned_off_by_its_page, |db| async move {
    let vault = locked(db).await;
    create(&vault).await;
    let mut admin = vault.test.seat(ADMIN).await;
    let page = admin.get("/oms/settings").await.body;
    let today =
        doorkey::locale::Language::En.moment(vault.test.clock.now(), &jiff::tz::TimeZone::UTC);
    assert!(page.contains(&format!("the customer's own password, on {today}:")), "{page}");
    assert!(page.contains("name=\"consent\" value=\"1\""), "{page}");

    // Not without the box, not by an agent; and until then a log-in leaves no copy.
    assert_eq!(choose(&mut admin, &[("mode", "current")]).await, 422);
    let mut agent = vault.test.seat(AGENT).await;
    assert_eq!(choose(&mut agent, CURRENT).await, 403);
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.count(COPIES).await, 0);

    assert_eq!(choose(&mut admin, CURRENT).await, 303);
    let page = admin.get("/oms/settings").await.body;
    let says = format!("Since {today} reminders carry the customer's own password. Alex Admin");
    assert!(page.contains(&says), "{page}");
    assert!(!page.contains("name=\"consent\""), "accepted already");
    let to = "{\"from\":\"temporary\",\"to\":\"current\"}".to_owned();
    assert_eq!(noted(&vault).await, [("settings.reminder_mode".to_owned(), to.clone())]);

    // The next log-in leaves the copy, and the click mails it.
    for email in [ADA, BEN] {
        vault.login(email, PASSWORD).await;
    }
    assert_eq!(vault.test.count(COPIES).await, 2);
    let mails = remind(&vault, ADA).await;
    assert_eq!((mails.len(), &*mails[0].recipients[0]), (1, ADA));
    assert!(text_of(&mails[0]).lines().any(|line| line == PASSWORD), "{}", text_of(&mails[0]));

    // Off again: the page says what that does, and nothing is left.
    let page = admin.get("/oms/settings").await.body;
    assert!(page.contains("destroys all sealed copies at once"), "{page}");
    assert_eq!(choose(&mut admin, &[("mode", "temporary")]).await, 303);
    assert_eq!(vault.test.count(LEFT).await, 0);
    let off = "{\"from\":\"current\",\"to\":\"temporary\"}".to_owned();
    assert_eq!(
        noted(&vault).await,
        [
            ("settings.reminder_mode".to_owned(), to),
            ("settings.reminder_mode".to_owned(), off),
            ("seal.destroyed".to_owned(), "{\"copies\":2}".to_owned()),
        ]
    );
    vault.test.wait(3601);
    let mails = remind(&vault, ADA).await;
    let text = text_of(&mails[0]);
    assert!(mails.len() == 1 && !text.contains(PASSWORD), "{text}");
    assert_eq!(vault.test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(vault.test.count(LEFT).await, 0, "nor does anything come back");
});
