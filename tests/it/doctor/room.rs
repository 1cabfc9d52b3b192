//! A sender that is too long to be marked: bounces may not find their customer, and nothing that was
//! sent to oneself can come home. It is said wherever somebody would wonder.

use doorkey::args;
use doorkey::mail::dns::Dns;
use doorkey::mail::doctor::{self, Installation, Level, Topic};

use super::{DOMAIN, HOST, Ward, of, says};
use crate::support::desk::ADMIN;
use crate::support::{Options, both};

/// 22 letters before the @, and 23.
const LONGEST: &str = "customer-service-shops@shop.test";
const LONGER: &str = "customer-service-stores@shop.test";

impl Ward {
    /// What is found about where mail comes back to, with this sender.
    async fn returns(&self, sender: &str) -> doctor::Check {
        let app = &self.test.app;
        let dns = Dns::new(&app.config.dns);
        let whole = Installation::look(&app.config, &dns, self.test.clock.now()).await;
        let (with, merchant) = ((&app.db, &dns), self.merchant());
        let found = doctor::examine(with, &whole, &merchant, DOMAIN, sender).await;
        of(&found.unwrap(), Topic::Mx)
    }
}

fn options(db: crate::support::app::Database) -> Options {
    Options::new(db)
        .set("doctor.sending_hosts", format!("[\"{HOST}\"]"))
        .set("bounce.lmtp_listen", "127.0.0.1:2424")
        .set("probe.every", 10)
}

both!(a_sender_without_room_for_a_mark_is_said_wherever_it_matters, |db| async move {
    let ward = Ward::with(options(db)).await;
    ward.dns.healthy(DOMAIN);
    assert_eq!(ward.returns(LONGEST).await.level, Level::Ok);
    let long = ward.returns(LONGER).await;
    says(&long, Level::Warn, "more than 22 letters before the @");
    says(&long, Level::Warn, "have somewhere to go");
    says(&long, Level::Warn, "set bounce.address");
    let mut admin = ward.test.seat(ADMIN).await;
    let store = ward.test.store("harbor").id.clone();
    let home = [("store", &*store), ("to", "home")];
    let on = [("store", &*store), ("to", "on")];
    ward.send_from(LONGEST).await;
    assert_eq!(admin.post("/oms/email/test", &home).await.status, 303);
    assert_eq!(admin.post("/oms/email/probe", &on).await.status, 303);
    // A probe that is on already fails aloud instead of staying silent.
    ward.send_from(LONGER).await;
    assert_eq!(ward.test.app.probe(ward.test.clock.now()).await.unwrap(), 0);
    let alerts = "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.probe_failed'";
    assert_eq!(ward.test.count(alerts).await, 1);
    let page = admin.get("/oms/email/doctor").await.body;
    assert!(page.contains("fails since") && page.contains("more than 22 letters"), "{page}");
    ward.test.wait(600);
    assert_eq!(ward.test.app.probe(ward.test.clock.now()).await.unwrap(), 0);
    assert_eq!(ward.test.count(alerts).await, 1, "once");
    let refused = admin.post("/oms/email/test", &home).await;
    assert!(
        refused.status == 422 && refused.body.contains("more than 22 letters"),
        "{}",
        refused.body
    );
    let off = [("store", &*store), ("to", "off")];
    assert_eq!(admin.post("/oms/email/probe", &off).await.status, 303);
    let page = admin.get("/oms/email/doctor").await.body;
    assert!(!page.contains("Switch the probe of Harbor"), "{page}");
    assert_eq!(admin.post("/oms/email/probe", &on).await.status, 400);
    // Mended: everything works again.
    ward.send_from(LONGEST).await;
    assert!(admin.get("/oms/email/doctor").await.body.contains("Switch the probe of Harbor"));
    assert_eq!(admin.post("/oms/email/probe", &on).await.status, 303);
    ward.test.wait(600);
    assert_eq!(ward.test.app.probe(ward.test.clock.now()).await.unwrap(), 1);
    ward.test.app.db.exec("DELETE FROM probe", args![]).await.unwrap();
});

both!(a_short_address_for_bounces_or_no_marks_at_all_leave_nothing_to_say, |db| async move {
    for (key, value) in [("bounce.address", "back@shop.test"), ("bounce.verp", "false")] {
        let ward = Ward::with(options(db).set(key, value)).await;
        ward.dns.healthy(DOMAIN);
        assert_eq!(ward.returns(LONGER).await.level, Level::Ok, "{key}");
    }
    let ward = Ward::with(options(db)).await;
    ward.dns.healthy(DOMAIN);
    assert_eq!(ward.returns(LONGER).await.level, Level::Warn, "the control");
});
