//! Many at once: exactly one wins, and nobody meets an error.

use super::{NEW, OTHER, Tokens, redeem};
use crate::support::app::token_of;
use crate::support::{Answer, TestApp, both};

/// Lets all of them go at the same moment and gives their answers in order.
async fn at_once<F>(racers: Vec<F>) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(racers.len()));
    let running: Vec<_> = racers
        .into_iter()
        .map(|racer| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                racer.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for racer in running {
        answers.push(racer.await.unwrap());
    }
    answers
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

both!(of_twenty_redemptions_at_once_exactly_one_wins, |db| async move {
    let test = TestApp::start(db).await;
    let token = token_of(&test.link("harbor", "ada@example.test").await);
    let racers = (0..20)
        .map(|i| {
            let (mut browser, token) = (test.browser(), token.clone());
            async move { redeem(&mut browser, &token, &format!("teapot number {i} of many")).await }
        })
        .collect();
    let answers = at_once(racers).await;
    assert_eq!((count(&answers, 303), count(&answers, 410)), (1, 19));
    let winner = answers.iter().position(|answer| answer.status == 303).unwrap();
    let password = format!("teapot number {winner} of many");
    assert_eq!(test.browser().login("harbor", "ada@example.test", &password).await.status, 303);
    let live = "SELECT COUNT(*) AS n FROM session WHERE ended_at IS NULL";
    assert_eq!(test.count(live).await, 2, "the winner's and this login's");
    assert_eq!(test.deliver().await.len(), 1, "one notice");
});

both!(of_two_live_links_redeemed_at_once_exactly_one_wins, |db| async move {
    let test = TestApp::start(db).await;
    for round in 0..4 {
        let first = token_of(&test.link("harbor", "ada@example.test").await);
        test.wait(61);
        let second = token_of(&test.link("harbor-trade", "ada@example.test").await);
        let racers = [("harbor", first), ("harbor-trade", second)]
            .into_iter()
            .map(|(store, token)| {
                let mut browser = test.browser();
                let password = format!("{store} kettle, round {round}");
                async move {
                    let link = format!("/s/{store}/reset?token={token}");
                    browser.set_password(&link, &password).await
                }
            })
            .collect();
        let answers = at_once(racers).await;
        assert_eq!((count(&answers, 303), count(&answers, 410)), (1, 1), "round {round}");
        assert_eq!(test.deliver().await.len(), 1, "one notice");
        test.wait(3600);
    }
});

both!(of_twenty_confirmations_at_once_exactly_one_makes_the_customer, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let press = |place: &'static str, token: &str| {
        let (mut browser, token) = (test.browser(), token.to_owned());
        async move { browser.post(&format!("/s/harbor/{place}"), &[("token", &token)]).await }
    };
    let racers = (0..20).map(|_| press("register/confirm", &tokens.registration)).collect();
    let answers = at_once(racers).await;
    assert_eq!((count(&answers, 303), count(&answers, 410)), (1, 19));
    let made = "SELECT COUNT(*) AS n FROM customer WHERE email_key = 'new@example.test'";
    assert_eq!(test.count(made).await, 1);
    let racers = (0..20).map(|_| press("account/email/confirm", &tokens.confirm_address)).collect();
    let answers = at_once(racers).await;
    assert_eq!((count(&answers, 200), count(&answers, 410)), (1, 19));
    let racers = (0..20).map(|_| press("not-me", &tokens.freeze)).collect();
    let answers = at_once(racers).await;
    assert_eq!((count(&answers, 200), count(&answers, 410)), (1, 19));
});

both!(stopping_and_redeeming_at_once_leaves_no_error, |db| async move {
    let test = TestApp::start(db).await;
    for email in ["ada@example.test", "ben@example.test", "emile@example.test"] {
        assert_eq!(test.browser().forgot("harbor", email).await.status, 202);
        let mail = test.deliver().await.remove(0);
        let link = crate::support::app::reset_link(&mail);
        let stop = token_of(&crate::support::app::link_of(&mail, "/not-me"));
        let (mut owner, mut thief) = (test.browser(), test.browser());
        let racers: Vec<std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>> = vec![
            Box::pin(async move { owner.post("/s/harbor/not-me", &[("token", &stop)]).await }),
            Box::pin(async move { thief.set_password(&link, OTHER).await }),
        ];
        let answers = at_once(racers).await;
        assert_eq!(answers[0].status, 200, "the owner is always heard");
        assert!([303, 410].contains(&answers[1].status), "{}", answers[1].status);
        let opens = test.browser().login("harbor", email, OTHER).await.status == 303;
        assert_eq!(opens, answers[1].status == 303, "what the answer said is what happened");
        test.deliver().await;
    }
    let link = test.link("northwind", "ada@example.test").await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
});
