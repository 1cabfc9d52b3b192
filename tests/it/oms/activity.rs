//! Who did what: the chain that cannot be bent unseen.

mod command;
mod pages;

use std::sync::Arc;

use doorkey::activity::verify::{self, Break, Finding};
use doorkey::activity::{self, Act, Action, Actor};
use doorkey::args;
use doorkey::db::Db;
use serde_json::{Value, json};

use crate::support::{TestApp, both};

fn harbor(test: &TestApp) -> String {
    test.store("harbor").merchant_id.clone()
}

async fn write_to(test: &TestApp, db: &Db, action: Action, alert: bool, detail: Value) -> i64 {
    let store = test.store("harbor");
    let act = Act {
        merchant_id: &store.merchant_id,
        actor: Actor::Doorkey,
        action,
        customer_id: None,
        store_id: Some(&store.id),
        source: "192.0.2.7",
        alert,
        detail,
    };
    let mut tx = db.begin().await.unwrap();
    let key = &test.app.keys.activity;
    let seq = activity::write(&mut tx, key, &act, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    seq
}

async fn write(test: &TestApp, action: Action) -> i64 {
    write_to(test, &test.app.db, action, false, json!({})).await
}

async fn check(test: &TestApp) -> Finding {
    verify::verify(&test.app.db, &test.app.keys.activity, &harbor(test)).await.unwrap()
}

async fn entries(test: &TestApp) -> i64 {
    match check(test).await {
        Finding::Whole { entries, .. } => entries,
        Finding::Broken(place) => panic!("{place}"),
    }
}

both!(entries_written_at_once_by_several_processes_make_one_chain, |db| async move {
    let test = Arc::new(TestApp::start(db).await);
    // A second connection to the database, as another process has it.
    let other = Db::connect(&test.database_url).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let test = test.clone();
        let db = if n % 2 == 0 { test.app.db.clone() } else { other.clone() };
        tasks.spawn(async move {
            write_to(&test, &db, Action::CustomerChanged, n == 7, json!({ "n": n })).await
        });
    }
    let mut places = tasks.join_all().await;
    places.sort_unstable();
    assert_eq!(places, (1..=50).collect::<Vec<_>>());
    assert_eq!(entries(&test).await, 50);
});

both!(a_bent_chain_is_found_and_the_place_named, |db| async move {
    let all = "merchant_id = (SELECT merchant_id FROM store WHERE key = 'harbor')";
    let entry =
        |set: &str, seq: i64| format!("UPDATE activity SET {set} WHERE {all} AND seq = {seq}");
    let copy = "INSERT INTO activity SELECT merchant_id, $SEQ, at, staff_id, actor, action,
                customer_id, store_id, source, alert, detail, hash FROM activity WHERE seq = 4";
    let copy = |seq: &str| copy.replace("$SEQ", seq);
    let cut = |from: i64| format!("DELETE FROM activity WHERE {all} AND seq >= {from}");
    let rewind = format!(
        "UPDATE activity_head SET seq = 5,
            hash = (SELECT hash FROM activity WHERE seq = 5 AND {all}) WHERE {all}"
    );
    for (bend, found) in [
        (vec![entry("actor = 'Nobody'", 3)], Break::Changed(3)),
        (vec![entry("detail = '{ }'", 1)], Break::Changed(1)),
        (vec![entry("at = at + 1", 8)], Break::Changed(8)),
        (vec![entry("customer_id = ''", 2)], Break::Changed(2)),
        (vec![entry("store_id = NULL", 2)], Break::Changed(2)),
        (vec![entry("alert = 2", 6)], Break::Changed(6)),
        (vec![entry("source = '192.0.2.8'", 5)], Break::Changed(5)),
        (
            vec![format!("DELETE FROM activity WHERE {all} AND seq IN (4, 5)")],
            Break::Removed { first: 4, last: 5 },
        ),
        // Taken away, and the gap closed.
        (
            vec![
                format!("DELETE FROM activity WHERE {all} AND seq = 8"),
                format!("UPDATE activity_head SET seq = 7 WHERE {all}"),
            ],
            Break::End(7),
        ),
        (vec![cut(1)], Break::Removed { first: 1, last: 8 }),
        (vec![cut(6)], Break::Removed { first: 6, last: 8 }),
        // The end put back to an entry whose tag everybody can read.
        (vec![rewind.clone(), cut(6)], Break::End(5)),
        (vec![copy("9")], Break::Inserted(9)),
        (vec![copy("0")], Break::Inserted(0)),
        (
            vec![copy("9"), format!("UPDATE activity_head SET seq = 9 WHERE {all}")],
            Break::Changed(9),
        ),
        (vec![format!("DELETE FROM activity_head WHERE {all}")], Break::End(8)),
        // Alerts hidden.
        (vec![format!("UPDATE activity_head SET read_seq = 8 WHERE {all}")], Break::End(8)),
    ] {
        let test = TestApp::start(db).await;
        for _ in 0..8 {
            write(&test, Action::CustomerChanged).await;
        }
        assert_eq!(entries(&test).await, 8, "the control");
        for sql in &bend {
            test.exec(sql.clone().leak()).await;
        }
        assert_eq!(check(&test).await, Finding::Broken(found), "{bend:?}");
    }
});

both!(chains_are_apart_and_longer_than_a_page, |db| async move {
    let test = TestApp::start(db).await;
    let mut tx = test.app.db.begin().await.unwrap();
    let stores = [test.store("harbor"), test.store("northwind")];
    for n in 0..9000 {
        let store = &stores[n % 2];
        let act = Act {
            merchant_id: &store.merchant_id,
            actor: Actor::Operator,
            action: Action::StoreChanged,
            customer_id: None,
            store_id: Some(&store.id),
            source: "",
            alert: false,
            detail: json!({ "n": n }),
        };
        activity::write(&mut tx, &test.app.keys.activity, &act, 1).await.unwrap();
    }
    tx.commit().await.unwrap();
    let key = &test.app.keys.activity;
    for store in &stores {
        let found = verify::verify(&test.app.db, key, &store.merchant_id).await.unwrap();
        assert!(matches!(found, Finding::Whole { entries: 4500, .. }), "{found:?}");
    }
    // Another installation's secret ties nothing of this one.
    let other = doorkey::secret::Secret::new([1; 32]).derive("activity");
    let found = verify::verify(&test.app.db, &other, &harbor(&test)).await.unwrap();
    assert_eq!(found, Finding::Broken(Break::Changed(1)));
    // An entry moved to the other merchant's chain fits nowhere there.
    let sql =
        "UPDATE activity SET merchant_id = $1, seq = 4501 WHERE merchant_id = $2 AND seq = 4500";
    let (to, from) = (&stores[1].merchant_id, &stores[0].merchant_id);
    test.app.db.exec(sql, args![to, from]).await.unwrap();
    let found = verify::verify(&test.app.db, key, to).await.unwrap();
    assert_eq!(found, Finding::Broken(Break::Inserted(4501)));
});
