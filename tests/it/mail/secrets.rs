//! A mail server may repeat in its answer what it was sent: none of it is kept. And whose mail goes
//! nowhere is decided by the record, not by the address.

use doorkey::args;

use crate::support::app::{link_of, text_of, token_of};
use crate::support::desk::AGENT;
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{TestApp, both};

const ADA: &str = "ada@example.test";

/// All that the database says in words about mails.
async fn told(test: &TestApp) -> String {
    let mut all = String::new();
    for sql in ["SELECT reply AS t FROM outbox", "SELECT detail AS t FROM timeline"] {
        for row in test.app.db.rows(sql, args![]).await.unwrap() {
            all.push_str(&row.get::<Option<String>>("t").unwrap_or_default());
        }
    }
    all
}

/// The server repeats the mail's text in a refusal that keeps it waiting.
async fn echo(test: &TestApp) -> String {
    test.sink.set(Plan::accept().at(Step::Content, Fault::Echo)).await;
    let mail = test.deliver().await.pop().expect("the server has seen the mail");
    let told = told(test).await;
    assert!(told.contains("451 4.3.0 you said"), "the control: {told}");
    assert!(told.contains("[…]"), "{told}");
    for token in text_of(&mail).lines().filter(|line| line.contains("token=")).map(token_of) {
        assert!(!told.contains(&token[..10]) && !told.contains(&token[30..]), "{told}");
    }
    text_of(&mail)
}

both!(an_answer_that_repeats_a_link_leaves_no_trace, |db| async move {
    let test = TestApp::start(db).await;
    test.browser().forgot("harbor", ADA).await;
    echo(&test).await;
    let answer = test.browser().forgot("harbor", ADA).await;
    assert_eq!(answer.status, 202);
});

both!(nor_does_one_that_repeats_a_temporary_password, |db| async move {
    let test = TestApp::start(db).await;
    let ada = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    let answer = seat.post(&format!("/oms/customers/{ada}/reminder"), &[]).await;
    assert_eq!(answer.status, 303);
    let text = echo(&test).await;
    let words =
        |line: &&str| line.matches('-').count() == 5 && !line.contains(' ') && !line.contains('/');
    let password = text.lines().find(words).expect("a temporary password on a line of its own");
    let told = told(&test).await;
    for part in [password, &password[..12], &password[password.len() - 12..]] {
        assert!(!told.contains(part), "{told}");
    }
});

both!(a_customer_at_the_practice_address_is_mailed_to_like_any_other, |db| async move {
    let test = TestApp::start(db).await;
    let address = doorkey::tutorial::ADDRESS;
    let id = test.add_customer("harbor", address, None).await;
    test.browser().forgot("harbor", address).await;
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert!(link_of(&mails[0], "/reset").contains("token="));
    // The record decides: whatever address it has by now, nothing is sent.
    test.wait(61);
    let sql =
        "UPDATE customer SET practice_at = 1, email = 'x@real.test', email_key = 'x@real.test'
               WHERE id = $1";
    test.app.db.exec(sql, args![id]).await.unwrap();
    test.browser().forgot("harbor", "x@real.test").await;
    assert!(test.deliver().await.is_empty());
    let sql = "SELECT COUNT(*) AS n FROM outbox WHERE outcome = 'sent'";
    assert_eq!(test.count(sql).await, 2, "it looks sent all the same");
});
