//! Whether an answer's time tells who is a customer.

use std::time::Duration;

use doorkey::secret::random;
use tokio::time::Instant;

use super::Report;
use super::load::{auc, forms, login};
use super::measure::median;
use super::server::Installation;

/// How well the times tell known from unknown addresses, on `/forgot` and on failed logins.
pub async fn all(report: &mut Report, installation: &Installation) {
    let (mut asked, mut tried) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let names = |letter: char| {
            let name = |n: usize| format!("{letter}{}@bench.test", 5000 + round * PAIRS + n);
            (0..PAIRS).map(name).collect::<Vec<_>>()
        };
        let (known, unknown) = (names('c'), names('x'));
        let forms = [forms(installation, &known).await, forms(installation, &unknown).await];
        tokio::time::sleep(Duration::from_secs(1)).await;
        asked.push(told_apart(installation, forms, 202).await);
        let wrong = |list: &[String]| {
            list.iter().map(|email| login(installation, email, "not this one")).collect()
        };
        tried.push(told_apart(installation, [wrong(&known), wrong(&unknown)], 401).await);
    }
    for (what, rounds) in [("/forgot", asked), ("failed login", tried)] {
        for (round, auc) in rounds.iter().enumerate() {
            report.raw(&format!("known against unknown on {what}, AUC, round {round}"), *auc);
        }
        let what = format!("known against unknown on {what}, AUC of the times, median");
        report.within(&what, median(rounds), 0.47, 0.53);
    }
}

/// Pairs of a round. Of times that do not differ at all, the AUC of 400 pairs still lies outside of
/// 0.47 to 0.53 in one of seven rounds: hence the median of five.
const PAIRS: usize = 400;

/// The AUC of the times of requests about known and about unknown addresses, in pairs.
async fn told_apart(
    installation: &Installation,
    [known, unknown]: [Vec<Vec<u8>>; 2],
    status: u16,
) -> f64 {
    let mut client = installation.client().await;
    let mut times = [Vec::new(), Vec::new()];
    for pair in known.into_iter().zip(unknown) {
        // In pairs, for the machine drifts; which of the two comes first is a coin's matter, for in a
        // fixed pattern what lingers of one request would always fall on the same class.
        let order = if random::<1>()[0].is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for class in order {
            let request = if class == 0 { &pair.0 } else { &pair.1 };
            let at = Instant::now();
            let answer = client.send(request).await;
            times[class].push(at.elapsed().as_secs_f64());
            assert_eq!(answer.status, status);
            tokio::time::sleep(Duration::from_millis(if status == 202 { 12 } else { 1 })).await;
        }
    }
    auc(&times[0], &times[1])
}
