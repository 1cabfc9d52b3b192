//! Email delivery with a busy month behind it: the page as it opens, under each filter, and far down
//! its list; and the list of suppressed addresses.

use doorkey::args;
use doorkey::clock::{Clock, DAY};
use doorkey::db::Db;
use tokio::time::Instant;

use super::Report;
use super::desk::get;
use super::load::{finish, send_all};
use super::server::Installation;

/// Each page is asked for so often.
const TIMES: usize = 24;

/// How long the pages take, the slowest of them too.
pub async fn all(
    report: &mut Report,
    installation: &Installation,
    name: &str,
    size: usize,
    cookie: &str,
) {
    fill(installation).await;
    let (running, _) = installation.start("web").await;
    let get = |page: &str| get(installation, page, cookie, "text/html");
    let text = async |page: &str| {
        let answer = installation.client().await.send(&get(page)).await;
        assert_eq!(answer.status, 200, "{page}");
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let first = text("/oms/email").await;
    assert!(first.contains("d7.test") && first.contains("Accepted"), "{first}");
    let rare = text("/oms/email?state=bounced").await;
    assert!(rare.contains("Came back"), "{rare}");
    let far = Clock::System.now() - 25 * DAY;
    let customer = size / 2;
    let pages = [
        "/oms/email".to_owned(),
        "/oms/email?state=sent".into(),
        "/oms/email?state=bounced".into(),
        "/oms/email?state=suppressed".into(),
        "/oms/email?state=deferred".into(),
        "/oms/email?kind=recovery".into(),
        "/oms/email?kind=staff_invitation".into(),
        "/oms/email?domain=d7.test".into(),
        "/oms/email?domain=nowhere.test".into(),
        format!("/oms/email?store={}", installation.store_id),
        format!("/oms/email?customer=N-{customer}"),
        "/oms/email?from=2020-01-01&to=2020-02-01".into(),
        format!("/oms/email?before={far}.x"),
        format!("/oms/email?state=bounced&domain=d7.test&before={far}.x"),
        "/oms/email/suppressed".into(),
        "/oms/email/suppressed?q=c99".into(),
        "/oms/email/suppressed?q=nobody".into(),
    ];
    let (started, mut every) = (Instant::now(), Vec::new());
    let mut slowest = (0.0, "");
    for page in &pages {
        let run = send_all(installation, 2, vec![get(page); TIMES], 200).await;
        let p95 = run.quantile(0.95);
        report.raw(&format!("{page}, {size} mails, {name}, p95 in seconds"), p95);
        if p95 > slowest.0 {
            slowest = (p95, page);
        }
        every.extend(run.times);
    }
    let p95 = finish(started, every).quantile(0.95);
    println!("  slowest of {}: {} with {:.0} ms", pages.len(), slowest.1, slowest.0 * 1000.0);
    let what = format!("Email delivery, {size} mails, {} pages, {name}, p95", pages.len());
    report.at_most(&what, p95 * 1000.0, "ms", 250.0);
    drop(running);
}

/// A mail to every customer within the last month, some in each state, and every hundredth customer's
/// address suppressed.
async fn fill(installation: &Installation) {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    let now = Clock::System.now();
    let sql = "SELECT COUNT(*) AS n FROM customer";
    let size: i64 = db.row(sql, args![]).await.expect("a count").expect("a row").get("n");
    let step = 30 * DAY / size;
    let mails = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
            priority, created_at, due_at, expires_at, attempts, minted_at, settled_at, outcome,
            domain, reply)
        SELECT 'mail-' || n, CASE WHEN n % 10 < 7 THEN 'recovery' ELSE 'password_changed' END,
            id, merchant_id, home_store_id, id,
            0, $1 - n * $2, $1 - n * $2, $1 - n * $2 + 3600000000, 1, $1 - n * $2,
            CASE WHEN n < 500 THEN NULL ELSE $1 - n * $2 + 2000000 END,
            CASE WHEN n < 500 THEN NULL WHEN n % 5000 = 3 THEN 'bounced'
                WHEN n % 200 = 5 THEN 'failed' WHEN n % 7 = 0 THEN 'absorbed' ELSE 'sent' END,
            CASE WHEN n % 3 = 0 THEN 'd7.test' ELSE 'd' || (n % 400) || '.test' END,
            CASE WHEN n < 250 THEN '451 4.7.1 try again later' WHEN n < 500 THEN NULL
                ELSE '250 2.0.0 Ok: queued as 4f8c2d7XYZ' END
        FROM (SELECT id, merchant_id, home_store_id, CAST(SUBSTR(number, 3) AS BIGINT) AS n
            FROM customer) AS numbered";
    db.exec(mails, args![now, step]).await.expect("mails");
    let suppressed = "INSERT INTO suppression (id, merchant_id, customer_id, email_key, outbox_id,
            reason, reply, since)
        SELECT 'suppression-' || number, merchant_id, id, email_key, '', 'bounced',
            '550 5.1.1 unknown', $1
        FROM customer WHERE SUBSTR(number, LENGTH(number) - 1) = '99'";
    db.exec(suppressed, args![now]).await.expect("suppressions");
    if matches!(db, Db::Postgres(_)) {
        db.exec("VACUUM ANALYZE outbox", args![]).await.expect("a tidy table");
        db.exec("VACUUM ANALYZE suppression", args![]).await.expect("a tidy table");
    }
    db.close().await;
}
