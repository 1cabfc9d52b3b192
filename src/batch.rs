//! Callers that arrive together share one transaction.
//!
//! A durable commit costs a disk flush. Sixty-four requests that each wait for their own flush wait
//! sixty-four flushes; handed to one task that takes whatever has gathered while the last commit
//! ran, they wait two. Nobody waits for company: an idle batch runs at once with one item.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::db::{self, Db, Tx};

/// What is done to a batch, inside one transaction.
pub trait Step: Send + Sync + 'static {
    /// What a caller hands in.
    type Item: Send + Sync + 'static;
    /// What a caller gets back.
    type Done: Send + 'static;

    /// Most items that share a transaction.
    const MOST: usize = 256;

    /// Does the items, in order of arrival, and gives one result for each. An error undoes all.
    fn run(
        &self,
        tx: &mut Tx,
        items: &[Self::Item],
    ) -> impl Future<Output = db::Result<Vec<Self::Done>>> + Send;
}

/// A handle to the task; clones feed the same one. It ends when the last handle is dropped.
pub struct Batch<S: Step> {
    sender: mpsc::Sender<Waiting<S>>,
}

/// An item, and where its result goes.
type Waiting<S> = (<S as Step>::Item, oneshot::Sender<db::Result<<S as Step>::Done>>);

impl<S: Step> Clone for Batch<S> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<S: Step> Batch<S> {
    /// Starts the task.
    pub fn spawn(db: Db, step: S) -> Self {
        let (sender, mut receiver) = mpsc::channel(4 * S::MOST);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(S::MOST);
            while receiver.recv_many(&mut waiting, S::MOST).await > 0 {
                let (items, answers): (Vec<_>, Vec<oneshot::Sender<_>>) = waiting.drain(..).unzip();
                for (answer, result) in answers.into_iter().zip(run(&db, &step, &items).await) {
                    // A caller that went away no longer needs its answer.
                    let _ = answer.send(result);
                }
            }
        });
        Self { sender }
    }

    /// Hands in one item and waits until it is done and on disk.
    ///
    /// # Errors
    /// What the database says; then nothing was done for this item.
    pub async fn submit(&self, item: S::Item) -> db::Result<S::Done> {
        let (answer, result) = oneshot::channel();
        self.sender.send((item, answer)).await.map_err(|_| db::Error::PoolClosed)?;
        result.await.map_err(|_| db::Error::PoolClosed)?
    }
}

/// All items in one transaction; if that fails, each in its own, so that one cannot fail the rest.
async fn run<S: Step>(db: &Db, step: &S, items: &[S::Item]) -> Vec<db::Result<S::Done>> {
    match together(db, step, items).await {
        Ok(done) => done.into_iter().map(Ok).collect(),
        Err(error) if items.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::warn!(%error, items = items.len(), "a batch failed; each is tried alone");
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                let one = together(db, step, std::slice::from_ref(item)).await;
                results.push(
                    one.and_then(|done| done.into_iter().next().ok_or(db::Error::RowNotFound)),
                );
            }
            results
        }
    }
}

async fn together<S: Step>(db: &Db, step: &S, items: &[S::Item]) -> db::Result<Vec<S::Done>> {
    let mut tx = db.begin().await?;
    let done = step.run(&mut tx, items).await?;
    tx.commit().await?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    struct Insert;

    impl Step for Insert {
        type Item = i64;
        type Done = i64;
        async fn run(&self, tx: &mut Tx, items: &[i64]) -> db::Result<Vec<i64>> {
            for item in items {
                let sql = "INSERT INTO revision (name, value) VALUES ($1, $2)";
                tx.exec(sql, args![item.to_string(), *item]).await?;
            }
            Ok(items.iter().map(|i| i * 2).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_caller_gets_its_own_result_and_one_failure_stays_alone() {
        let file = std::env::temp_dir().join(format!("doorkey-batch-{}.db", crate::new_id()));
        let db = Db::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        db.migrate().await.unwrap();
        let batch = Batch::spawn(db.clone(), Insert);
        // Every number twice: the second of each pair meets a taken name.
        let all: Vec<_> = (0..200)
            .map(|i| {
                let batch = batch.clone();
                tokio::spawn(async move { (i / 2, batch.submit(i / 2).await) })
            })
            .collect();
        let (mut right, mut taken) = (0, 0);
        for one in all {
            match one.await.unwrap() {
                (i, Ok(result)) => {
                    assert_eq!(result, i * 2);
                    right += 1;
                }
                (_, Err(error)) => {
                    assert!(db::is_taken(&error), "{error}");
                    taken += 1;
                }
            }
        }
        assert_eq!((right, taken), (100, 100));
        db.close().await;
        std::fs::remove_file(file).unwrap();
    }
}
