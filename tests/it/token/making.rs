//! Making, storing and exposing the token.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorkey::secret::{Token, sha256};

use super::dump::{everything, holds};
use super::{NEW, OTHER, Tokens, change_password, redeem};
use crate::support::app::{PASSWORD, reset_link, token_of};
use crate::support::{TestApp, both};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What betrays a generator that can be predicted, of the tokens in the order of their making.
fn weakness(tokens: &[String]) -> Option<&'static str> {
    let letters = |t: &String| t.bytes().all(|b| ALPHABET.contains(&b));
    if !tokens.iter().all(|t| t.len() == 43 && letters(t)) {
        return Some("not 43 letters of base64url");
    }
    if tokens.iter().collect::<HashSet<_>>().len() < tokens.len() {
        return Some("twice the same");
    }
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    if tokens.windows(2).any(|pair| shared(&pair[0], &pair[1]) > 5) {
        return Some("neighbours begin alike");
    }
    let rising = tokens.windows(2).filter(|pair| pair[0] < pair[1]).count();
    if !(tokens.len() * 2 / 5..tokens.len() * 3 / 5).contains(&rising) {
        return Some("in order");
    }
    // 63 degrees of freedom: the statistic is 63 on average, with a deviation of 11. The last
    // letter carries only four bits.
    let even = (0..42).all(|at| {
        let mut counts = [0_f64; 64];
        for token in tokens {
            counts[ALPHABET.iter().position(|b| *b == token.as_bytes()[at]).unwrap()] += 1.0;
        }
        let wanted = f64::from(u32::try_from(tokens.len()).unwrap()) / 64.0;
        let squares: f64 = counts.iter().map(|n| (n - wanted).powi(2) / wanted).sum();
        (15.0..165.0).contains(&squares)
    });
    (!even).then_some("some letters are more frequent")
}

#[test]
fn two_thousand_tokens_show_no_pattern() {
    let tokens: Vec<String> = (0..2000).map(|_| Token::new().reveal()).collect();
    assert_eq!(weakness(&tokens), None);
    // What the same eyes say of generators that were used elsewhere.
    let made = |make: &dyn Fn(u32) -> [u8; 32]| -> Vec<String> {
        (0..2000).map(|n| URL_SAFE_NO_PAD.encode(make(n))).collect()
    };
    let counted = made(&|n| std::array::from_fn(|i| n.to_be_bytes()[i % 4]));
    assert_eq!(weakness(&counted), Some("in order"));
    let timed = made(&|n| {
        let mut bytes = sha256(&n.to_be_bytes());
        bytes[..16].copy_from_slice(&sha256(b"the same process")[..16]);
        bytes
    });
    assert_eq!(weakness(&timed), Some("neighbours begin alike"));
    let drawn_from_few = made(&|n| sha256(&(n % 1000).to_be_bytes()));
    assert_eq!(weakness(&drawn_from_few), Some("twice the same"));
    let text = made(&|n| sha256(&n.to_be_bytes()).map(|b| b'a' + b % 26));
    assert_eq!(weakness(&text), Some("some letters are more frequent"));
    assert!(weakness(&[doorkey::new_id()]).is_some(), "an id is no token");
}

both!(every_mail_carries_a_fresh_token_that_opens_one_account_alone, |db| async move {
    let test = TestApp::start(db).await;
    // Both have the same password; both ask in the same microsecond, and again later.
    let mut found = Vec::new();
    for round in 0..3 {
        for email in ["ada@example.test", "ben@example.test"] {
            test.browser().forgot("harbor", email).await;
        }
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 2, "round {round}");
        for mail in mails {
            found.push((mail.recipients[0].clone(), token_of(&reset_link(&mail))));
        }
        test.wait(61);
    }
    let distinct: HashSet<_> = found.iter().map(|(_, token)| token).collect();
    assert_eq!(distinct.len(), 6);
    let before = test.hash_of("ben@example.test").await;
    let ada = &found.iter().rfind(|(to, _)| to == "ada@example.test").unwrap().1;
    let mut browser = test.browser();
    assert_eq!(redeem(&mut browser, ada, NEW).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some("ada@example.test"));
    assert_eq!(test.hash_of("ben@example.test").await, before);
    let ben = &found.iter().rfind(|(to, _)| to == "ben@example.test").unwrap().1;
    assert_eq!(redeem(&mut browser.clone(), ben, NEW).await.status, 422, "Ada is logged in here");
    assert_eq!(redeem(&mut test.browser(), ben, NEW).await.status, 303);
});

/// Every spelling in which a bearer secret could lie around.
fn forms(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let text = token.as_bytes();
    let percent: String = text.iter().map(|b| format!("%{b:02X}")).collect();
    [
        ("as mailed", token.to_owned()),
        ("hexadecimal", hex(&bytes)),
        ("capital hexadecimal", hex(&bytes).to_uppercase()),
        ("hexadecimal of the text", hex(text)),
        ("capital hexadecimal of the text", hex(text).to_uppercase()),
        ("base64", STANDARD.encode(&bytes)),
        ("base64 of the text", STANDARD_NO_PAD.encode(text)),
        ("percent", percent),
    ]
    .into_iter()
    .map(|(name, form)| (name, form.into_bytes()))
    .chain([("raw", bytes.clone())])
    .collect()
}

both!(of_every_bearer_secret_only_the_digest_is_stored, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let mut browser = test.browser();
    browser.login("harbor", "ada@example.test", PASSWORD).await;
    let session = browser.cookie("doorkey").unwrap().to_owned();
    let mut all: Vec<(&str, &str)> = tokens.all().to_vec();
    all.push(("session", &session));
    let look = async |when: &str| {
        let heap = everything(&test).await;
        for (kind, token) in &all {
            for (form, needle) in forms(token) {
                assert!(!holds(&heap, &needle), "{kind} token, {form}, {when}");
            }
            let digest = sha256(&URL_SAFE_NO_PAD.decode(token).unwrap());
            let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            let found = holds(&heap, hex.as_bytes()) || holds(&heap, hex.to_uppercase().as_bytes());
            assert!(found, "the search finds the digest of the {kind} token, {when}");
        }
        for password in [PASSWORD, NEW, OTHER] {
            assert!(!holds(&heap, password.as_bytes()), "{password}, {when}");
        }
    };
    look("alive").await;
    assert_eq!(redeem(&mut test.browser(), &tokens.recovery, NEW).await.status, 303);
    look("after use").await;
});

both!(only_the_mail_carries_the_token, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let mut answers = vec![browser.forgot("harbor", "ada@example.test").await];
    let token = token_of(&reset_link(&test.deliver().await[0]));
    answers.push(browser.forgot("harbor", "ada@example.test").await);
    for page in ["login", "forgot", "reset", "register", "session", "auth", "account", "captcha"] {
        answers.push(browser.get(&format!("/s/harbor/{page}")).await);
    }
    let digest = sha256(&URL_SAFE_NO_PAD.decode(&token).unwrap());
    let digest = URL_SAFE_NO_PAD.encode(digest);
    let seen = |answer: &crate::support::Answer, secret: &str| {
        let head = format!("{:?}", answer.headers);
        forms(secret)
            .into_iter()
            .any(|(_, form)| holds(&answer.bytes, &form) || holds(head.as_bytes(), &form))
    };
    for answer in &answers {
        assert!(!seen(answer, &token) && !seen(answer, &digest), "{}", answer.body);
    }
    // Once presented, it stands on the page: the search would have found it.
    let page = browser.get(&format!("/s/harbor/reset?token={token}")).await;
    assert!(seen(&page, &token));
    let page = browser.get("/s/harbor/reset").await;
    assert!(seen(&page, &token) && !seen(&page, &digest));
});

both!(the_link_carries_the_token_and_nothing_else, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let parsed = url::Url::parse(&link).unwrap();
    assert_eq!(parsed.path(), "/s/harbor/reset");
    assert_eq!((parsed.fragment(), parsed.username()), (None, ""));
    let query: Vec<_> = parsed.query_pairs().collect();
    assert_eq!(query.len(), 1);
    assert!(query[0].0 == "token" && query[0].1.len() == 43);
    // Nothing inside of it either: no JSON, no separator, no id.
    let bytes = URL_SAFE_NO_PAD.decode(&*query[0].1).unwrap();
    assert_eq!(bytes.len(), 32);
    assert!(String::from_utf8(bytes).is_err());
    // Further parameters have no effect.
    let more = format!("{link}&email=ben@example.test&store=northwind&return_to=//evil.test");
    let mut browser = test.browser();
    assert_eq!(browser.open_link(&more).await.status, 200);
    assert_eq!(redeem(&mut browser, &query[0].1, NEW).await.location(), "/s/harbor/");
    assert_eq!(browser.who("harbor").await.as_deref(), Some("ada@example.test"));
    assert_eq!(change_password(&mut browser, NEW, OTHER).await.status, 200);
});
