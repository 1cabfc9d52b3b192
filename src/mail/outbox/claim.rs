//! Taking mails up, fairly: what a person waits for before notices, merchants alike, and the stores
//! of each alike. A flood at one store is no longer a line before the others, for each store's mails
//! stand in a lane of their own, and a claim takes from the head of each.
//!
//! The lanes are found by leaps through one index, so that neither their number of mails nor what
//! another worker holds is read through.

use std::collections::HashMap;

use super::held::{Leased, columns, read};
use super::kind::{AWAITED, NOTICE};
use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::MailConfig;
use crate::db::{Db, Result, Row};

/// Lanes that one claim takes from: each is a statement. Of more, a random stretch has its turn.
const LANES: usize = 64;

/// One store's waiting mails of one priority.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    store_id: String,
    merchant_id: String,
    /// When the first one became due that nobody holds.
    due_at: Option<Micros>,
    /// The same of those that are held, too.
    pub oldest: Micros,
}

/// The lanes of a priority.
pub(super) async fn lanes(db: &Db, priority: i64, now: Micros) -> Result<Vec<Lane>> {
    let sql = "WITH RECURSIVE lane (store_id) AS (
            SELECT MIN(store_id) FROM outbox WHERE settled_at IS NULL AND priority = $1
            UNION ALL
            SELECT (SELECT MIN(o.store_id) FROM outbox o WHERE o.settled_at IS NULL
                    AND o.priority = $1 AND o.store_id > lane.store_id)
            FROM lane WHERE lane.store_id IS NOT NULL
         )
         SELECT lane.store_id, s.merchant_id,
            (SELECT o.due_at FROM outbox o WHERE o.settled_at IS NULL AND o.priority = $1
                AND o.store_id = lane.store_id
                AND (o.leased_until IS NULL OR o.leased_until <= $2)
             ORDER BY o.due_at LIMIT 1) AS due_at,
            (SELECT o.due_at FROM outbox o WHERE o.settled_at IS NULL AND o.priority = $1
                AND o.store_id = lane.store_id
             ORDER BY o.due_at LIMIT 1) AS oldest
         FROM lane JOIN store s ON s.id = lane.store_id";
    let rows = db.rows(sql, args![priority, now]).await?;
    let lane = |row: &Row| Lane {
        store_id: row.get("store_id"),
        merchant_id: row.get("merchant_id"),
        due_at: row.get("due_at"),
        oldest: row.get::<Option<i64>>("oldest").unwrap_or(Micros::MAX),
    };
    Ok(rows.iter().map(lane).collect())
}

/// For how many mails there is room.
#[derive(Clone, Debug)]
pub struct Room {
    /// Of any kind.
    pub all: usize,
    /// Of notices: the rest is kept free for what a person waits for.
    pub notices: usize,
    /// Of one merchant, less those in `held`.
    pub merchant: usize,
    /// How many are held already, by merchant.
    pub held: HashMap<String, usize>,
    /// Only those that a person waits for and that nobody has looked at yet.
    pub only_fresh: bool,
}

impl Room {
    /// For so many, whatever they are.
    pub fn of(most: usize) -> Self {
        let held = HashMap::new();
        Self { all: most, notices: most, merchant: most, held, only_fresh: false }
    }

    fn of_merchant(&self, merchant_id: &str) -> usize {
        self.merchant.saturating_sub(self.held.get(merchant_id).copied().unwrap_or(0))
    }

    fn take(&mut self, mails: &[Leased]) {
        self.all = self.all.saturating_sub(mails.len());
        for mail in mails {
            *self.held.entry(mail.merchant_id.clone()).or_default() += 1;
        }
    }
}

/// Takes up due mails for the worker of this name, as many as there is room for at most.
///
/// # Errors
/// What the database says.
pub async fn claim(
    db: &Db,
    config: &MailConfig,
    worker: &str,
    mut room: Room,
    now: Micros,
) -> Result<Vec<Leased>> {
    let mut found = Vec::new();
    for priority in [AWAITED, NOTICE] {
        let most = if priority == NOTICE { room.all.min(room.notices) } else { room.all };
        if most == 0 || (priority == NOTICE && room.only_fresh) {
            continue;
        }
        let mut due = lanes(db, priority, now).await?;
        due.retain(|lane| lane.due_at.is_some_and(|at| at <= now));
        let shares = share(due, most, &room);
        if shares.is_empty() {
            continue;
        }
        let taken = take(db, config, worker, priority, &shares, room.only_fresh, now).await?;
        room.take(&taken);
        found.extend(taken);
    }
    Ok(found)
}

/// Divides so many places among the merchants, and each one's among its stores. Whoever needs less
/// leaves the rest to the next claim, which follows at once.
fn share(mut lanes: Vec<Lane>, most: usize, room: &Room) -> Vec<(String, usize)> {
    lanes.retain(|lane| room.of_merchant(&lane.merchant_id) > 0);
    lanes.sort_by_key(|lane| lane.due_at);
    let at_once = LANES.min(most);
    if lanes.len() > at_once {
        let from = usize::from(u16::from_le_bytes(crate::secret::random())) % lanes.len();
        lanes.rotate_left(from);
        lanes.truncate(at_once);
    }
    let mut stores: HashMap<&str, usize> = HashMap::new();
    for lane in &lanes {
        *stores.entry(&lane.merchant_id).or_default() += 1;
    }
    let each = most / stores.len().max(1);
    let of = |lane: &Lane| {
        let places = each.min(room.of_merchant(&lane.merchant_id));
        (lane.store_id.clone(), (places / stores[&*lane.merchant_id]).max(1))
    };
    lanes.iter().map(of).collect()
}

async fn take(
    db: &Db,
    config: &MailConfig,
    worker: &str,
    priority: i64,
    shares: &[(String, usize)],
    only_fresh: bool,
    now: Micros,
) -> Result<Vec<Leased>> {
    let lease = format!("{worker}/{}", crate::new_id());
    let fresh = if only_fresh { "AND reply IS NULL AND attempts = 0" } else { "" };
    let sql = format!(
        "UPDATE outbox SET lease = $1, leased_until = $2, attempts = attempts + 1
         WHERE id IN (
            SELECT id FROM outbox
            WHERE settled_at IS NULL AND priority = $5 AND store_id = $6 AND due_at <= $3
              AND (leased_until IS NULL OR leased_until <= $3) {fresh}
            ORDER BY due_at LIMIT $4{})
         RETURNING {}",
        db.skip_locked(),
        columns!()
    );
    let until = now + config.lease * SECOND;
    let mut found = Vec::new();
    let mut tx = db.begin().await?;
    for (store_id, places) in shares {
        let places = i64::try_from(*places).unwrap_or(i64::MAX);
        let args = args![&lease, until, now, places, priority, store_id];
        let rows = tx.rows(sqlx::AssertSqlSafe(sql.clone()), args).await?;
        found.extend(rows.iter().filter_map(|row| read(row, &lease)));
    }
    tx.commit().await?;
    Ok(found)
}

/// Takes up mails that have had their time, due or not: they are given up even while nothing can be
/// sent.
///
/// # Errors
/// What the database says.
pub async fn claim_expired(
    db: &Db,
    config: &MailConfig,
    worker: &str,
    most: i64,
    now: Micros,
) -> Result<Vec<Leased>> {
    let sql = "SELECT id FROM outbox WHERE settled_at IS NULL AND expires_at <= $1 LIMIT 1";
    if db.row(sql, args![now]).await?.is_none() {
        return Ok(Vec::new());
    }
    let lease = format!("{worker}/{}", crate::new_id());
    let sql = format!(
        "UPDATE outbox SET lease = $1, leased_until = $2, attempts = attempts + 1
         WHERE id IN (
            SELECT id FROM outbox
            WHERE settled_at IS NULL AND expires_at <= $3
              AND (leased_until IS NULL OR leased_until <= $3)
            ORDER BY expires_at LIMIT $4{})
         RETURNING {}",
        db.skip_locked(),
        columns!()
    );
    let mut tx = db.begin().await?;
    let args = args![&lease, now + config.lease * SECOND, now, most];
    let rows = tx.rows(sqlx::AssertSqlSafe(sql), args).await?;
    tx.commit().await?;
    Ok(rows.iter().filter_map(|row| read(row, &lease)).collect())
}

/// Renews the leases of a worker's mails that are under way.
///
/// # Errors
/// What the database says.
pub async fn renew(db: &Db, worker: &str, until: Micros) -> Result<()> {
    let sql = "UPDATE outbox SET leased_until = $1 WHERE settled_at IS NULL AND lease LIKE $2";
    db.exec(sql, args![until, format!("{worker}/%")]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(merchant: &str, store: &str, due_at: Micros) -> Lane {
        Lane {
            store_id: store.into(),
            merchant_id: merchant.into(),
            due_at: Some(due_at),
            oldest: due_at,
        }
    }

    fn sorted(mut shares: Vec<(String, usize)>) -> Vec<(String, usize)> {
        shares.sort();
        shares
    }

    #[test]
    fn merchants_share_alike_and_then_their_stores() {
        let lanes = vec![lane("a", "a1", 1), lane("a", "a2", 2), lane("b", "b1", 9)];
        let shares = sorted(share(lanes.clone(), 100, &Room::of(100)));
        assert_eq!(shares, [("a1".into(), 25), ("a2".into(), 25), ("b1".into(), 50)]);
        // One that holds what a merchant may hold gets no more, and takes nothing from the others.
        let mut room = Room { merchant: 60, ..Room::of(100) };
        room.held.insert("b".into(), 60);
        let shares = sorted(share(lanes.clone(), 100, &room));
        assert_eq!(shares, [("a1".into(), 30), ("a2".into(), 30)]);
        assert!(share(Vec::new(), 100, &room).is_empty());
    }

    #[test]
    fn of_more_stores_than_places_every_one_has_its_turn() {
        let lanes: Vec<_> = (0..200).map(|n| lane(&format!("m{n}"), &format!("s{n}"), n)).collect();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            let shares = share(lanes.clone(), 10, &Room::of(10));
            assert_eq!(shares.len(), 10);
            assert!(shares.iter().all(|(_, places)| *places == 1));
            seen.extend(shares.into_iter().map(|(store, _)| store));
        }
        assert_eq!(seen.len(), 200);
    }
}
