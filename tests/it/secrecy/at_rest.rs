//! The request path reads no account: it could not tell if it wanted to.

use doorkey::args;

use super::{ADA, Face, PEOPLE, TestApp, assert_alike, both};
use crate::support::app::PASSWORD;

async fn rename(test: &TestApp, sql: &[&'static str]) {
    for &statement in sql {
        test.app.db.exec(statement, args![]).await.unwrap();
    }
}

both!(requests_are_taken_while_the_customer_file_is_gone, |db| async move {
    let test = TestApp::start(db).await;
    let hide = [
        "ALTER TABLE customer RENAME TO customer_hidden",
        "ALTER TABLE credential RENAME TO credential_hidden",
        "ALTER TABLE staff RENAME TO staff_hidden",
    ];
    rename(&test, &hide).await;
    let mut faces = Vec::new();
    for (who, email) in PEOPLE {
        let answer = test.browser().forgot("harbor", email).await;
        assert_eq!(answer.status, 202, "{who}");
        faces.push((who, Face::of(&answer)));
    }
    assert_alike(&faces);
    let answer = test.browser().register("harbor", "rita@example.test", &[]).await;
    assert_eq!(answer.status, 202);
    // Control: what needs an account does notice.
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 500);
    let show = [
        "ALTER TABLE customer_hidden RENAME TO customer",
        "ALTER TABLE credential_hidden RENAME TO credential",
        "ALTER TABLE staff_hidden RENAME TO staff",
    ];
    rename(&test, &show).await;
    let mut mailed: Vec<_> = test.deliver().await.into_iter().flat_map(|m| m.recipients).collect();
    mailed.sort();
    assert_eq!(mailed, [ADA, "rita@example.test"], "nothing that was taken is lost");
});

both!(a_request_names_nobody_until_a_worker_has_read_it, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert_eq!(test.browser().forgot("harbor", "nobody@example.test").await.status, 202);
    assert_eq!(test.waiting().await, 2);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM outbox WHERE customer_id IS NULL").await, 2);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM token").await, 0);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM timeline").await, 0);
    let sql = "SELECT address_sealed FROM recovery";
    let rows = test.app.db.rows(sql, args![]).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let sealed: Vec<u8> = row.get("address_sealed");
        assert!(sealed.len() > ADA.len());
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains("ada@") && !text.contains("example"), "{text}");
    }
    assert_eq!(test.deliver().await.len(), 1);
    let sealed = "SELECT COUNT(*) AS n FROM recovery WHERE address_sealed IS NOT NULL";
    assert_eq!(test.count(sealed).await, 0, "read once, then forgotten");
});
