//! A password that is sealed lies nowhere in clear: not in a file, a table or the log, and the
//! private key lies in its file alone.

use super::story::remind;
use super::{ADA, Vault, vault};
use crate::canary::search::Secrets;
use crate::canary::{heaps, told};
use crate::support::app::{Database, text_of};
use crate::support::smtp_sink::{Fault, Plan, Step};

const CANARY: &str = "zebrafinch hums at 4711";

async fn tell(database: Database) -> (Vault, Vec<u8>) {
    let vault = vault(database).await;
    let mut heap = Vec::new();
    let link = vault.test.link("harbor", ADA).await;
    assert_eq!(vault.test.browser().set_password(&link, CANARY).await.status, 303);
    heap.extend(heaps::database(&vault.test).await);
    vault.login(ADA, CANARY).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(CANARY.into())));
    vault.test.deliver().await;
    // Mailed, at the second try: the mail holds it, and nothing else does.
    let later = Fault::ReplyRecorded("451 4.3.0 later");
    vault.test.sink.set(Plan::accept().at(Step::Content, later)).await;
    assert_eq!(remind(&vault, ADA).await.len(), 1);
    heap.extend(heaps::database(&vault.test).await);
    vault.test.sink.set(Plan::accept()).await;
    vault.test.wait(30);
    let mails = vault.test.deliver().await;
    assert!(text_of(&mails[0]).contains(CANARY));
    tracing::info!("planted canary");
    heap.extend(heaps::database(&vault.test).await);
    (vault, heap)
}

fn it_lies_nowhere(database: Database) {
    told(tell(database), |(vault, heap), log| {
        let file = std::fs::read_to_string(&vault.file).unwrap();
        let private = file.split("private = \"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(private.len(), 44);
        let mut secrets = Secrets::default();
        secrets.add("password", CANARY);
        secrets.add("private key", private);
        let needles = secrets.needles(true);
        assert_eq!(needles.found_in(heap), Vec::<&str>::new(), "in the database");
        assert_eq!(needles.found_in(log), Vec::<&str>::new(), "in the log");
        // Looking there finds what is there.
        assert!(needles.found_in(file.as_bytes()).contains(&"private key (raw)"));
        let mut there = Secrets::default();
        there.add("address", ADA);
        assert!(there.needles(false).found_in(heap).contains(&"address (raw)"));
        assert!(String::from_utf8_lossy(log).contains("planted canary"));
    });
}

#[test]
fn a_sealed_password_lies_nowhere_in_clear_with_sqlite() {
    it_lies_nowhere(Database::Sqlite);
}

#[test]
fn a_sealed_password_lies_nowhere_in_clear_with_postgres() {
    it_lies_nowhere(Database::Postgres);
}
