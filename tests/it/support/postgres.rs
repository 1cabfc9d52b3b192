//! A PostgreSQL server of the tests' own, on a private port, for as long as the test process lives.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The running server.
pub struct Server {
    port: u16,
    user: &'static str,
}

/// A database of one story's own, which is dropped with this value: hundreds of them would fill the
/// disk of a small machine.
pub struct Fresh {
    pub url: String,
    name: String,
    port: u16,
}

/// A fresh, empty database on the server, which is started on first use.
pub async fn fresh_database() -> Fresh {
    fresh_database_with("").await
}

/// The same with further words for `CREATE DATABASE`, such as its locale.
pub async fn fresh_database_with(words: &str) -> Fresh {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let start = || SERVER.get_or_init(|| Server::start(false));
    let server = tokio::task::spawn_blocking(start).await.unwrap();
    let name = format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let db = doorkey::db::Db::connect(&server.url("postgres")).await.unwrap();
    let doorkey::db::Db::Postgres(pool) = &db else { unreachable!() };
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 {words}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
    db.close().await;
    Fresh { url: server.url(&name), port: server.port, name }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let mut command = Command::new(program("dropdb"));
        command.args(["--force", "--if-exists", "-h", "127.0.0.1", "-U", "doorkey"]);
        command.args(["-p", &self.port.to_string(), &self.name]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // Nobody waits for it: the next story has a database of its own.
        std::thread::spawn(move || command.status());
    }
}

impl Server {
    /// Makes a cluster in a temporary folder and waits until it answers. Stories do without waiting
    /// for the disk; a benchmark must not.
    pub fn start(durable: bool) -> Self {
        // A benchmark starts several, which all run to its end.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("doorkey-postgres-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let owner = owner();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let data = folder.join("data");
        let made = as_owner(&mut Command::new(program("initdb")), owner)
            .args(["--auth=trust", "--username=doorkey", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .expect("initdb runs");
        assert!(made.success(), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        keep_running(data, folder, port, owner, durable);
        let server = Self { port, user: "doorkey" };
        server.wait();
        server
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}@127.0.0.1:{}/{database}", self.user, self.port)
    }

    fn wait(&self) {
        for _ in 0..600 {
            let ready = Command::new(program("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer");
    }
}

/// Stops the server when the shell around it is told to, and leaves nothing behind.
const AROUND: &str = r#"folder=$1; shift
trap 'kill -QUIT $server' TERM
"$@" & server=$!
wait $server; wait $server
rm -rf "$folder""#;

/// The shell around the server gets SIGTERM when the thread that started it ends, which is when this
/// process does, however it does. Hence a thread of its own, which waits for the server.
fn keep_running(
    data: PathBuf,
    folder: PathBuf,
    port: u16,
    owner: Option<(u32, u32)>,
    durable: bool,
) {
    let words: &[&str] =
        if durable { &[] } else { &["-c", "fsync=off", "-c", "max_wal_size=64MB"] };
    std::thread::spawn(move || {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]);
        if let Some((uid, gid)) = owner {
            command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string()]);
            command.arg("--clear-groups");
        }
        let mut child = command
            .args(["sh", "-c", AROUND, "sh"])
            .arg(&folder)
            .arg(program("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k"])
            .arg(&folder)
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(words)
            .args(["-c", "max_connections=400"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("PostgreSQL starts");
        let _ = child.wait();
    });
}

/// PostgreSQL refuses to run as root: then it runs as the system's `postgres` user.
fn owner() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let out = Command::new("id").args(args).output().ok()?;
        String::from_utf8(out.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    Some((
        id(&["-u", "postgres"]).expect("a user called postgres: run ./test, which installs it"),
        id(&["-g", "postgres"]).expect("a group of the user postgres"),
    ))
}

fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) -> &mut Command {
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

/// The newest installed version of one of PostgreSQL's programs.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(name).to_path_buf())
}
