//! The daily round: by one process of many, remembered, with an alert about what got worse.

use doorkey::args;
use doorkey::clock::{DAY, HOUR};
use doorkey::mail::doctor::round;

use super::{DOMAIN, Ward};
use crate::support::both;
use crate::support::desk::ADMIN;

impl Ward {
    /// Goes round as the process of this name; gives how many domains it looked at.
    async fn round(&self, process: &str) -> usize {
        let app = &self.test.app;
        round::go(&app.doctor(), process, self.test.clock.now()).await.unwrap()
    }

    async fn alerts(&self) -> Vec<String> {
        let sql = "SELECT detail FROM activity WHERE action = 'mail.domain_worse' AND alert = 1
                   ORDER BY seq";
        let rows = self.test.app.db.rows(sql, args![]).await.unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }
}

both!(one_process_of_many_goes_round_once_a_day, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let (one, other) = tokio::join!(ward.round("one"), ward.round("other"));
    // Our domain, and those of the other sample merchant.
    assert!(one + other >= 2 && (one == 0 || other == 0), "{one} {other}");
    ward.test.clock.advance(23 * HOUR);
    assert_eq!(ward.round("other").await, 0, "not yet");
    ward.test.clock.advance(HOUR);
    assert!(ward.round("other").await >= 2);
    // A process that dies in the middle leaves it to another one, later.
    ward.test.clock.advance(DAY);
    let now = ward.test.clock.now();
    assert!(round::take(&ward.test.app.db, "doctor", "dead", DAY, now).await.unwrap());
    assert_eq!(ward.round("other").await, 0);
    ward.test.clock.advance(HOUR);
    assert!(ward.round("other").await >= 2);
});

both!(what_gets_worse_is_an_alert_and_what_changed_is_shown, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    assert!(ward.round("one").await > 0);
    assert_eq!(ward.alerts().await, Vec::<String>::new(), "nothing was known before");
    let mut seat = ward.test.seat(ADMIN).await;
    let path = format!("/oms/email/doctor/{DOMAIN}");
    assert!(!seat.get(&path).await.body.contains("What changed"));
    // The same again changes nothing.
    ward.test.clock.advance(DAY);
    ward.round("one").await;
    assert_eq!(ward.test.count(ROWS).await, 1);
    // A name server that does not answer is no alarm.
    ward.test.clock.advance(DAY);
    ward.dns.fault(DOMAIN, crate::support::dns::Fault::ServFail);
    ward.round("one").await;
    assert_eq!(ward.alerts().await.len(), 0);
    // A record that is gone is one, once, although nothing was known in between.
    ward.test.clock.advance(DAY);
    ward.dns.clear(DOMAIN);
    ward.dns.mx(DOMAIN, 10, "mx.shop.test");
    ward.round("one").await;
    let alerts = ward.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].contains("spf") && alerts[0].contains(DOMAIN), "{alerts:?}");
    ward.test.clock.advance(DAY);
    ward.round("one").await;
    assert_eq!(ward.alerts().await.len(), 1);
    let mut seat = ward.test.seat(ADMIN).await;
    let page = seat.get(&path).await.body;
    assert!(page.contains("What changed") && page.contains("has no SPF record"), "{page}");
    let activity = seat.get("/oms/activity").await.body;
    assert!(activity.contains("A sender domain got worse"), "{activity}");
    // Mended, it is no alert.
    ward.test.clock.advance(DAY);
    ward.dns.clear(DOMAIN);
    ward.dns.healthy(DOMAIN);
    ward.round("one").await;
    assert_eq!(ward.alerts().await.len(), 1);
});

const ROWS: &str = "SELECT COUNT(*) AS n FROM domain_check WHERE domain = 'shop.test'";
