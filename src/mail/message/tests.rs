//! What is true of every mail: in each form, in each language, in the store's own words too.

use std::collections::{BTreeSet, HashMap};

use super::{Sample, all_samples, is_english, sample, sample_title};
use crate::config::Config;
use crate::locale::Language;
use crate::mail::mime::{self, Rendered};
use crate::store::{Access, Store};
use crate::wording::{MAILS, Wording, Wordings};

const NOW: i64 = 1_795_444_500_000_000; // 2026-11-23T14:35:00Z

/// The languages that are written, and the one from right to left that stands for those to come.
const LANGUAGES: [Language; 5] =
    [Language::En, Language::De, Language::Es, Language::Fr, Language::Mirrored];

fn store() -> Store {
    Store {
        id: "s".into(),
        merchant_id: "m".into(),
        merchant_name: "Harbor Goods".into(),
        key: "harbor".into(),
        name: "Harbor Coffee".into(),
        base_url: "https://shop.example.test/s/harbor".into(),
        origin_len: "https://shop.example.test".len(),
        access: Access::Public,
        language: Language::En,
        languages: Language::ALL.to_vec(),
        accent: "#0b5d57".into(),
        prompt: None,
        sender: "service@harbor.test".into(),
        sender_name: None,
        link_ttl: None,
        password_min: None,
        cart_cookie: None,
        logo: None,
        wordings: Wordings::default(),
        login_page: Default::default(),
        answer_page: Default::default(),
    }
}

fn config() -> Config {
    let url = ("DOORKEY_OMS_URL".to_owned(), "https://oms.example.test".to_owned());
    Config::load(None, HashMap::from([url])).unwrap()
}

/// Every mail in every language: its name, its language, and what it says.
fn every(store: &Store, languages: &[Language]) -> Vec<(String, Language, Rendered)> {
    let config = config();
    let mut found = Vec::new();
    for language in languages {
        for key in all_samples() {
            let (language, merchant_key) = (*language, "harbor-goods");
            let of = Sample { config: &config, store, merchant_key, language, now: NOW };
            // What staff get is in English, whatever the store speaks.
            let spoken = if is_english(key) { Language::En } else { language };
            let name = format!("{key} in {}", spoken.code());
            found.push((name, spoken, sample(key, &of).expect(key)));
        }
    }
    found
}

/// The values of an attribute, in order.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Links: where they lead, and their words.
fn links(html: &str) -> Vec<(&str, &str)> {
    html.split("<a ")
        .skip(1)
        .map(|rest| {
            let to = rest.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
            let words = rest.split_once('>').unwrap().1.split("</a>").next().unwrap();
            (to, words)
        })
        .collect()
}

#[test]
fn every_mail_has_a_sample_and_staff_know_it_by_name() {
    let keys: Vec<_> = all_samples().collect();
    let titles: BTreeSet<_> = keys.iter().map(|key| sample_title(key).unwrap()).collect();
    assert_eq!(titles.len(), keys.len(), "{titles:?}");
    assert!(!titles.contains("Another mail"), "{titles:?}");
    for mail in MAILS {
        assert!(keys.contains(&mail.key), "{}", mail.key);
    }
    assert_eq!(sample_title("nothing"), None);
    // Each template is the template of some sample.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/mail");
    let mut templates: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    for shared in ["base.html", "parts.html", "custom.html", "custom.txt"] {
        assert!(templates.remove(shared));
    }
    for key in keys {
        let name = match key {
            "staff_password_changed" => "staff_changed",
            k if k.starts_with("staff_factor") || k.starts_with("staff_code") => "staff_factor",
            "test_mail" => "test",
            k => k.trim_end_matches("_by_staff"),
        };
        templates.retain(|file| !file.starts_with(&format!("{name}.")));
    }
    assert!(templates.is_empty(), "mails without a sample: {templates:?}");
}

#[test]
fn every_mail_is_small_and_fetches_nothing() {
    for (name, language, mail) in every(&store(), &LANGUAGES) {
        let raw = mime::compose(
            "Harbor Coffee",
            "service@harbor.test",
            "a-rather-long-address-of-a-customer@example.test",
            language.code(),
            &mail,
            &mime::Marks::random("harbor.test"),
            NOW,
        );
        let bytes = raw.unwrap().len();
        assert!(bytes < 20_000, "{name}: {bytes} bytes");
        for remote in ["<img", "<link", "<script", "src=", "url(", "@import", "background=", "<svg"]
        {
            assert!(!mail.html.contains(remote), "{name}: {remote}");
        }
    }
}

#[test]
fn every_mail_can_be_listened_to() {
    for (name, language, mail) in every(&store(), &LANGUAGES) {
        let html = &mail.html;
        let escaped = mail.subject.replace('\'', "&#39;");
        assert!(html.contains(&format!("<title>{escaped}</title>")), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.contains(&format!(">{escaped}</h1>")), "{name}: {html}");
        // Not every program keeps what stands on the html element: it is said twice.
        assert_eq!(attributes(html, "lang"), [language.code(); 2], "{name}");
        assert_eq!(html.matches("<table").count(), html.matches("role=\"presentation\"").count());
        for header in ["<th", "<caption", "summary=", "scope="] {
            assert!(!html.contains(header), "{name}: {header}");
        }
        for (to, words) in links(html) {
            let says = words == to || words.split_whitespace().count() >= 2 || words.len() >= 8;
            assert!(says && !words.contains("http") || words == to, "{name}: {words}");
            assert!(!["here", "hier", "aquí", "ici"].contains(&&*words.to_lowercase()), "{name}");
        }
    }
}

#[test]
fn every_link_can_be_read_and_stands_in_both_parts() {
    for (name, _, mail) in every(&store(), &LANGUAGES) {
        let links = links(&mail.html);
        assert!(!links.is_empty(), "{name}");
        for (to, _) in &links {
            let shown = links.iter().any(|(other, words)| other == to && words == to);
            assert!(shown, "{name}: the address {to} is shown");
            assert!(mail.text.lines().any(|line| line == *to), "{name}: {to} in\n{}", mail.text);
        }
        let in_text: Vec<_> = mail.text.lines().filter(|line| line.contains("://")).collect();
        for line in in_text {
            assert!(links.iter().any(|(to, _)| *to == line), "{name}: {line} in the HTML part");
        }
    }
}

#[test]
fn either_direction_of_writing_will_do() {
    let (latin, hebrew) = (store(), Store { name: "קפה הנמל".into(), ..store() });
    for (store, turned) in [(&latin, false), (&hebrew, true)] {
        for (name, language, mail) in every(store, &LANGUAGES) {
            let is_rtl = language == Language::Mirrored;
            let html = &mail.html;
            let dir = if is_rtl { "rtl" } else { "ltr" };
            assert_eq!(attributes(html, "dir")[..2], [dir, dir], "{name}");
            // Nothing is put at one side, whichever that is.
            for value in [attributes(html, "style"), attributes(html, "align")].concat() {
                for side in ["left", "right", "text-align:", "float"] {
                    assert!(!value.contains(side), "{name}: {value}");
                }
            }
            // Addresses are written from left to right wherever they are shown.
            for (to, words) in links(html) {
                let at = html.find(&format!("href=\"{to}\"")).unwrap();
                let tag = &html[html[..at].rfind('<').unwrap()..];
                let tag = if words == to { &tag[..tag.find('>').unwrap()] } else { "dir=\"ltr\"" };
                let shown = format!("dir=\"ltr\" href=\"{to}\"");
                assert!(tag.contains("dir=\"ltr\"") || html.contains(&shown), "{name}: {to}");
            }
            // A store's name does not turn the sentence that it stands in.
            let alone = format!("\u{2068}{}\u{2069}", store.name);
            let staff = name.starts_with("staff");
            let isolated = mail.text.contains(&alone);
            assert_eq!(isolated, (is_rtl || turned) && !staff, "{name}: {}", mail.text);
            assert!(!mail.text.lines().any(|l| l.contains("://") && !l.starts_with("http")));
            if is_rtl {
                let letters = mail.text.chars().filter(|c| ('א'..='ת').contains(c)).count();
                assert!(letters > 100, "{name} speaks the language:\n{}", mail.text);
            }
        }
    }
}

/// The relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let c = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// What a program that darkens mails by itself makes of a colour: the same hue, light for dark.
fn inverted(color: &str) -> String {
    let part = |at: usize| i32::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap());
    let (r, g, b) = (part(1), part(3), part(5));
    let shift = 255 - r.max(g).max(b) - r.min(g).min(b);
    format!("#{:02x}{:02x}{:02x}", r + shift, g + shift, b + shift)
}

/// A declaration's value in a list of them.
fn declared<'s>(style: &'s str, property: &str) -> Option<&'s str> {
    style.split(';').find_map(|rule| {
        let (name, value) = rule.split_once(':')?;
        (name.trim() == property).then(|| value.trim().trim_end_matches(" !important"))
    })
}

#[test]
fn colours_can_be_read_in_the_light_in_the_dark_and_turned_over() {
    for accent in ["#0b5d57", "#ffdd00", "#101010", "#fafafa", "#d02090"] {
        let store = Store { accent: accent.into(), ..store() };
        for (name, _, mail) in every(&store, &[Language::En]) {
            for style in attributes(&mail.html, "style") {
                let Some(ground) = declared(style, "background-color") else { continue };
                // Whoever changes one of the two finds the other on the same element.
                let ink = declared(style, "color").unwrap_or_else(|| panic!("{name}: {style}"));
                assert!(contrast(ink, ground) >= 4.5, "{name}: {ink} on {ground}");
                // A store's own colour is the store's business; it is readable as it is.
                if ground == crate::color::button(accent).0 {
                    continue;
                }
                let turned = contrast(&inverted(ink), &inverted(ground));
                assert!(turned >= 4.5, "{name}: {ink} on {ground} turned over: {turned}");
            }
            for absolute in ["#ffffff", "#000000", "#fff;", "#000;"] {
                let card = mail.html.replace(accent, "").replace("color:#ffffff;font", "");
                let words = card.matches(absolute).count();
                let button = mail.html.matches(&format!("color:{absolute}")).count();
                assert!(words <= button, "{name}: {absolute}");
            }
        }
    }
    let html = &every(&store(), &[Language::En])[0].2.html;
    let dark = html.split("(prefers-color-scheme: dark) {").nth(1).unwrap();
    let dark = dark.split("\n}").next().unwrap();
    let of = |class: &str| {
        let rule = dark.lines().find(|line| line.contains(&format!("{class} {{"))).unwrap();
        rule.split_once('{').unwrap().1
    };
    for (ink, ground) in [
        (".page", ".page"),
        (".card", ".card"),
        (".box", ".box"),
        (".small", ".page"),
        (".small", ".card"),
        (".url", ".card"),
    ] {
        let (ink, ground) = (declared(of(ink), "color"), declared(of(ground), "background-color"));
        assert!(contrast(ink.unwrap(), ground.unwrap()) >= 4.5, "{ink:?} on {ground:?}");
    }
    for said in ["name=\"color-scheme\" content=\"light dark\"", "[data-ogsc]", "[data-ogsb]"] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn a_stores_own_words_stand_in_the_same_frame() {
    let mut store = store();
    for mail in MAILS {
        for language in LANGUAGES {
            store.wordings.put(mail, language, Wording::usual(mail, language));
        }
    }
    let (own, usual) = (every(&store, &Language::ALL), every(&self::store(), &Language::ALL));
    for ((name, _, own), (_, _, usual)) in own.iter().zip(&usual) {
        let frame = |html: &str| html.split("<bdi>").next().unwrap().to_owned();
        assert_eq!(frame(&own.html), frame(&usual.html), "{name}");
        let targets = |mail: &Rendered| -> BTreeSet<String> {
            links(&mail.html).into_iter().map(|(to, _)| to.to_owned()).collect()
        };
        assert_eq!(targets(own), targets(usual), "{name}");
    }
}
