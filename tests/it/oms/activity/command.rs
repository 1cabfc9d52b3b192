//! `doorkey activity verify`, run as an operator runs it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use doorkey::activity::{self, Act, Action, Actor};
use doorkey::args;
use doorkey::db::Db;
use doorkey::secret::Secret;
use serde_json::json;

use crate::commands::place::Place;

/// Writes entries as a running installation with this secret would.
fn write(place: &Place, merchant: &str, entries: usize) {
    let key = Secret::new([9; 32]).derive("activity");
    let secret = format!("{}\n", B64.encode([9; 32]));
    std::fs::write(place.0.join("secret"), secret).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::connect(&place.database_url()).await.unwrap();
        let sql = "SELECT id FROM merchant WHERE key = $1";
        let merchant_id: String = db.row(sql, args![merchant]).await.unwrap().unwrap().get("id");
        let mut tx = db.begin().await.unwrap();
        for n in 0..entries {
            let act = Act {
                merchant_id: &merchant_id,
                actor: Actor::Operator,
                action: Action::StoreChanged,
                customer_id: None,
                store_id: None,
                source: "",
                alert: false,
                detail: json!({ "n": n }),
            };
            activity::write(&mut tx, &key, &act, 1).await.unwrap();
        }
        tx.commit().await.unwrap();
        db.close().await;
    });
}

#[test]
fn the_operator_checks_the_chains() {
    let place = Place::ready();
    place.does("merchant add northwind 'Northwind Tea'");
    assert!(place.does("activity verify --help").contains("Usage:"));
    place.misused("activity frobnicate", "frobnicate");
    place.fails("activity verify", "secret");
    write(&place, "harbor", 5);
    write(&place, "northwind", 3);
    place.fails("activity verify nobody", "there is no merchant nobody");
    let said = place.does("activity verify");
    let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&line("harbor"))[1], "5");
    assert_eq!(words(&line("harbor"))[2].len(), 64, "the last tag, to be noted down");
    assert_eq!(words(&line("northwind"))[1], "3");
    assert!(!place.does("activity verify harbor").contains("northwind"));

    place.sql("UPDATE activity SET detail = '{}' WHERE seq = 4");
    place.fails("activity verify", "harbor: entry 4 was changed or inserted");
    place.fails("activity verify harbor", "entry 4");
    assert!(place.does("activity verify northwind").contains('3'), "the other one holds");
    place.sql("DELETE FROM activity WHERE seq IN (2, 3)");
    place
        .fails("activity verify", "harbor: entries 2 to 3 were removed; northwind: entries 2 to 3");
    // Another secret is told apart from a bent entry as far as that can be.
    let other = Place::ready();
    write(&other, "harbor", 2);
    std::fs::write(other.0.join("secret"), B64.encode([8; 32])).unwrap();
    other.fails("activity verify", "if the secret was replaced");
}
