//! The arrows of the architecture, checked on the sources themselves: a module uses what stands
//! below it. A file that breaks a rule is named.

use std::path::Path;

/// From the ground up; a module may use its own tier and those below.
const TIERS: [&[&str]; 7] = [
    &["clock", "secret", "config", "db", "batch", "address", "color", "fold", "locale"],
    &["limit", "captcha", "password", "mail::outbox"],
    &[
        "activity",
        "reminder",
        "tutorial",
        "numbers",
        "wording",
        "merchant",
        "store",
        "suppression",
        "customer",
        "staff",
        "session",
        "timeline",
        "token",
        "recovery",
        "registration",
        "address_change",
        "password::seal",
    ],
    &["mail"],
    &["app"],
    &["web"],
    &["demo", "cli", "main", "lib"],
];

/// No file is longer.
const LONGEST: usize = 400;

struct Source {
    /// From the package's folder.
    path: String,
    /// Without comments.
    text: String,
    lines: usize,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        Self {
            path: path.to_owned(),
            text: code.collect::<Vec<_>>().join("\n"),
            lines: text.lines().count(),
        }
    }

    /// `mail::outbox` for `src/mail/outbox.rs`.
    fn module(&self) -> String {
        self.path.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::")
    }

    /// The modules that it names as `crate::…`, with what follows them.
    fn uses(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, start) in self.text.match_indices("crate::") {
            let rest = &self.text[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => {
                    let group = group.split('}').next().unwrap_or_default();
                    found.extend(group.split(',').map(|part| name(part.trim())));
                }
                None => found.push(name(rest)),
            }
        }
        found.retain(|used| used.starts_with(|c: char| c.is_ascii_lowercase()));
        found
    }
}

/// The path at the beginning of `text`.
fn name(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    text[..end.unwrap_or(text.len())].trim_end_matches(':').to_owned()
}

/// The files below a folder, by name.
fn read(folder: &str, endings: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|end| path.to_string_lossy().ends_with(end)) {
                let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
                found.push(Source::new(&path.strip_prefix(root).unwrap().to_string_lossy(), &text));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// In which tier a module stands: two parts have their own, other parts stand with their module.
/// Functions of the crate itself (`crate::new_id`) stand nowhere.
fn tier(module: &str) -> Option<usize> {
    let first = module.split("::").next()?;
    let of = |name: &str| TIERS.iter().position(|tier| tier.contains(&name));
    let own = ["mail::outbox", "password::seal"].into_iter().find(|own| module.starts_with(own));
    of(own.unwrap_or(first))
}

/// Uses of a higher tier.
fn arrows_back(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(own) = tier(&source.module()) else {
            found.push(format!("{} stands in no tier", source.path));
            continue;
        };
        for used in source.uses() {
            if tier(&used).is_some_and(|used| used > own) {
                found.push(format!("{} uses {used}", source.path));
            }
        }
    }
    found
}

/// Files outside of `homes` that name one of `words`.
fn named(sources: &[Source], words: &[&str], homes: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| !homes.iter().any(|home| s.path.starts_with(home))) {
        let words = words.iter().filter(|word| source.text.contains(**word));
        found.extend(words.map(|word| format!("{} names {word}", source.path)));
    }
    found
}

fn long(sources: &[Source]) -> Vec<String> {
    let too_long = sources.iter().filter(|source| source.lines > LONGEST);
    too_long.map(|source| format!("{} has {} lines", source.path, source.lines)).collect()
}

const DEMO_PARTS: [&str; 5] =
    ["demo::", "demo::shop", "demo::mailbox", "demo::catcher", "demo::index"];

/// Uses of the demo by the rest of the program. Its data alone is known elsewhere, for `serve` must
/// recognise it.
fn demo_outside(sources: &[Source]) -> Vec<String> {
    let homes = ["src/demo", "src/cli/demo.rs"];
    let outside = sources.iter().filter(|s| !homes.iter().any(|home| s.path.starts_with(home)));
    let parts =
        |used: &String| DEMO_PARTS[1..].iter().any(|part| used.starts_with(part)) || used == "demo";
    outside
        .flat_map(|s| {
            s.uses().into_iter().filter(parts).map(|used| format!("{} uses {used}", s.path))
        })
        .collect()
}

#[test]
fn arrows_never_point_back() {
    let sources = read("src", &[".rs"]);
    assert!(sources.len() > 50, "the sources were found");
    assert_eq!(arrows_back(&sources), Vec::<String>::new());
    let planted = [
        Source::new("src/token.rs", "use crate::web::page;"),
        Source::new("src/limit.rs", "use crate::{args, session};\n// use crate::cli;"),
        Source::new("src/recovery/x.rs", "fn f() { crate::mail::message::render() }"),
        Source::new("src/recovery/y.rs", "use crate::mail::outbox::Kind; use crate::clock;"),
        Source::new("src/new_thing.rs", ""),
    ];
    assert_eq!(
        arrows_back(&planted),
        [
            "src/token.rs uses web::page",
            "src/limit.rs uses session",
            "src/recovery/x.rs uses mail::message::render",
            "src/new_thing.rs stands in no tier",
        ]
    );
}

#[test]
fn recovery_does_not_know_how_mails_look() {
    let sources = read("src", &[".rs"]);
    let recovery: Vec<_> = sources.into_iter().filter(|s| s.path.contains("recovery")).collect();
    let of_recovery = |s: &Source| s.path.starts_with("src/recovery");
    assert!(recovery.iter().filter(|s| of_recovery(s)).count() >= 2);
    let words = ["mail::message", "mail::mime", "mail::worker", "mail::smtp", "mail::{"];
    assert_eq!(named(&recovery, &words, &["src/web/"]), Vec::<String>::new());
    let planted = [Source::new("src/recovery.rs", "use crate::mail::message::Draft;")];
    assert_eq!(named(&planted, &words, &[]), ["src/recovery.rs names mail::message"]);
}

#[test]
fn the_demo_cannot_be_reached_from_serve() {
    let sources = read("src", &[".rs"]);
    let lib = |found: &String| !found.starts_with("src/lib.rs");
    let found: Vec<_> = demo_outside(&sources).into_iter().filter(lib).collect();
    assert_eq!(found, Vec::<String>::new());
    let planted = [
        Source::new(
            "src/cli/serve.rs",
            "use crate::demo::data;\nuse crate::demo::mailbox::Mailbox;",
        ),
        Source::new("src/cli/demo.rs", "use crate::demo::mailbox::Mailbox;"),
    ];
    assert_eq!(demo_outside(&planted), ["src/cli/serve.rs uses demo::mailbox::Mailbox"]);
}

#[test]
fn one_file_names_the_drivers() {
    let sources = read("src", &[".rs"]);
    let words = ["use sqlx::", "sqlx::query", "sqlx::sqlite::", "SqlitePool", "PgPool"];
    assert_eq!(named(&sources, &words, &["src/db.rs", "src/db/"]), Vec::<String>::new());
    let planted = [Source::new("src/session.rs", "use sqlx::postgres::PgPool;")];
    let found = ["src/session.rs names use sqlx::", "src/session.rs names PgPool"];
    assert_eq!(named(&planted, &words, &["src/db.rs", "src/db/"]), found);
}

#[test]
fn one_file_reads_the_clock() {
    let sources = read("src", &[".rs"]);
    let words = ["SystemTime::now", "Timestamp::now", "time::Instant as", "std::time::Instant"];
    assert_eq!(named(&sources, &words, &["src/clock.rs"]), Vec::<String>::new());
    assert_eq!(named(&sources, &["Timestamp::now"], &[]), ["src/clock.rs names Timestamp::now"]);
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let text = [".rs", ".html", ".txt", ".css", ".js", ".ftl", ".sql"];
    let mut found = Vec::new();
    for folder in ["src", "tests", "templates", "assets", "locales", "migrations", "benches"] {
        found.extend(long(&read(folder, &text)));
    }
    // A list of common passwords is data, one to a line.
    found.retain(|file| !file.starts_with("src/password/common.txt"));
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(long(&[Source::new("src/x.rs", &"\n".repeat(401))]), ["src/x.rs has 401 lines"]);
}
