//! A place to run commands in.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use doorkey::db::Db;
use serde_json::Value;

/// A folder with an installation of its own, removed at the end.
pub struct Place(pub PathBuf);

/// How a command ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = std::env::temp_dir().join(format!("doorkey-commands-{}", doorkey::new_id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// With a schema, the merchant and store `harbor`.
    pub fn ready() -> Self {
        let place = Self::empty();
        place.does("migrate");
        place.does("merchant add harbor 'Harbor Goods'");
        place.does("store add harbor harbor 'Harbor Coffee' --base-url https://harbor.test");
        place
    }

    pub fn database_url(&self) -> String {
        format!("sqlite:{}", self.0.join("doorkey.db").display())
    }

    /// A command from its line, where what stands in quotes is one argument.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorkey"));
        for (i, part) in line.split('\'').enumerate() {
            if i % 2 == 1 {
                command.arg(part);
            } else {
                command.args(part.split_whitespace());
            }
        }
        command.env_clear().current_dir(&self.0).env("DOORKEY_DATABASE_URL", self.database_url());
        // A port that nobody listens on: the machine may run another doorkey.
        command.env("DOORKEY_OPS_LISTEN", "127.0.0.1:1");
        command
    }

    /// Runs what must succeed, in silence on standard error; gives its result.
    pub fn does(&self, line: &str) -> String {
        self.does_with(line, "")
    }

    pub fn does_with(&self, line: &str, input: &str) -> String {
        let ran = run(self.command(line), input);
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{line}");
        ran.out
    }

    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.does(line)).unwrap()
    }

    /// Runs what must fail with status 1, one line and no result; the line says `says`.
    pub fn fails(&self, line: &str, says: &str) {
        self.fails_with(line, "", says);
    }

    pub fn fails_with(&self, line: &str, input: &str, says: &str) {
        let ran = run(self.command(line), input);
        assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{line}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }

    /// Runs what is wrong usage: status 2, no result; the error says `says`.
    pub fn misused(&self, line: &str, says: &str) {
        let ran = run(self.command(line), "");
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{line}: {}", ran.err);
    }

    /// Changes the database behind the program's back.
    pub fn sql(&self, sql: &'static str) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = Db::connect(&self.database_url()).await.unwrap();
            db.exec(sql, vec![]).await.unwrap();
            db.close().await;
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn run(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses early does not read: a broken pipe is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
