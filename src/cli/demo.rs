//! `doorkey demo`: everything in one process, to look at and to try.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::routing::get;
use clap::Args;

use super::serve::{Role, bind, install_metrics, serve};
use super::{Failure, open, secret, secret_file};
use crate::app::{self, App, Keys};
use crate::clock::Clock;
use crate::config::{Config, Hidden};
use crate::db::Db;
use crate::demo::catcher::Catcher;
use crate::demo::data;
use crate::demo::index::{Index, Login, StoreLink};
use crate::demo::mailbox::{self, Mailbox};
use crate::demo::reminder;
use crate::demo::shop::{self, ShopStore};
use crate::demo::signing;
use crate::merchant::Mode;
use crate::password::seal::Sealer;
use crate::password::{Params, Password, PasswordHasher};
use crate::secret::Secret;
use crate::store::Access;
use crate::web;

/// Try everything in one process, on SQLite.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the data is kept between runs.
    #[arg(long, default_value = "doorkey-demo", value_name = "DIR")]
    data: PathBuf,
    /// Send mail to this server instead of the demo's own mailbox, such as smtp://127.0.0.1:2525.
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// Add so many generated customers.
    #[arg(long, default_value_t = 0, value_name = "N")]
    customers: u64,
    /// What the envelope sends: temporary, link or current. Without it, what it sent last time.
    #[arg(long, value_name = "MODE", value_parser = mode)]
    reminder: Option<Mode>,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "use temporary, link or current".into())
}

/// Runs until told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn run(command: Demo, mut config: Config) -> Result<(), Failure> {
    let folder = &command.data;
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure(format!("cannot make {}: {e}; set --data", folder.display())))?;
    let listener = bind(command.listen).await?;
    config.listen = listener.local_addr().map_err(|e| Failure(e.to_string()))?;
    let database = folder.join("doorkey.db");
    config.database_url = Hidden::new(format!("sqlite:{}", database.display()));
    let mailbox = Mailbox::open(&folder.join("mailbox"), Clock::System)
        .map_err(|e| Failure(format!("cannot open the mailbox: {e}")))?;
    let mailbox = Arc::new(mailbox);
    config.smtp.url = Some(Hidden::new(match command.smtp {
        Some(url) => url,
        None => catch_mail(mailbox.clone()).await?,
    }));
    let origin = app::main_origin(&config);
    let db = prepare(&config, &origin, command.customers).await?;
    let secret = secret(&config, true)?;
    remind(&mut config, &db, &secret, command.reminder).await?;
    signing::ready(&db, &Keys::derive(&secret).dkim, Clock::System.now()).await?;
    let metrics = install_metrics()?;
    let ops = config.ops_listen;
    let app = App::build(config, db, Clock::System, &secret, Params::DEFAULT).await?;
    let shop = shop::routes(web::doorkey(&app), ShopStore::samples());
    let index = Arc::new(index(&origin));
    let extra = mailbox::routes(mailbox).route(
        "/",
        get(move || {
            let index = index.clone();
            async move { index.answer() }
        }),
    );
    let pages = web::entrance(&app, Some(shop), extra);
    announce(&origin);
    // The private listener's usual port may belong to another installation on this machine.
    let any = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    let ops = match bind(ops).await {
        Ok(listener) => listener,
        Err(_) => bind(any).await?,
    };
    serve(app, Role::All, Some((listener, pages)), Some(ops), metrics).await
}

/// Starts the catcher on a free loopback port; mail really travels over SMTP.
async fn catch_mail(mailbox: Arc<Mailbox>) -> Result<String, Failure> {
    let catcher = Catcher::bind()
        .await
        .map_err(|e| Failure(format!("cannot start the mail catcher: {e}; set --smtp")))?;
    let url = catcher.url();
    tokio::spawn(catcher.run(Arc::new(move |caught| mailbox.deliver(&caught))));
    Ok(url)
}

/// Opens the database and fills it on the first run.
async fn prepare(config: &Config, origin: &str, customers: u64) -> Result<Db, Failure> {
    let db = open(config).await?;
    db.migrate().await.map_err(|e| Failure(format!("cannot prepare the database: {e}")))?;
    let now = Clock::System.now();
    let fresh = !data::is_demo(&db).await?;
    if fresh || customers > 0 {
        let hash = hash().await?;
        if fresh {
            data::fill(&db, origin, &hash, now).await?;
        }
        data::generate(&db, customers, &hash, now).await?;
    }
    data::move_to(&db, origin).await?;
    Ok(db)
}

/// Sets what the envelope sends. For the customer's own password that takes a key, consent, and
/// copies.
async fn remind(
    config: &mut Config,
    db: &Db,
    secret: &Secret,
    wanted: Option<Mode>,
) -> Result<(), Failure> {
    let now = Clock::System.now();
    let mode = match wanted {
        Some(mode) => mode,
        None => reminder::mode(db).await?,
    };
    config.reminder.allow_current = mode == Mode::Current;
    let file = secret_file(config).map(|secret| secret.with_file_name("seal.key"));
    config.reminder.seal_key_path = file.clone();
    let (Some(sealer), Some(file)) = (Sealer::new(config, secret), file) else {
        return Ok(reminder::choose(db, mode, now).await?);
    };
    if let Some(why) = reminder::ready_key(db, &sealer, &file, now).await? {
        return Err(format!("cannot write {}: {why}; set --data", file.display()).into());
    }
    reminder::choose(db, mode, now).await?;
    Ok(reminder::seal_samples(db, &sealer, &password()?, now).await?)
}

fn password() -> Result<Password, Failure> {
    Password::read(data::PASSWORD).map_err(|_| "the demo's password is too long".into())
}

async fn hash() -> Result<String, Failure> {
    let password = password()?;
    let hasher = PasswordHasher::new(1, Params::DEFAULT);
    hasher.hash(password).await.map_err(|_| Failure("the hashing pool is busy".into()))
}

fn index(origin: &str) -> Index {
    let login = |email: &str, who: &str| Login { email: email.into(), who: who.into() };
    Index {
        stores: data::stores()
            .map(|(name, key, merchant, access)| StoreLink {
                name: name.into(),
                merchant: merchant.into(),
                url: format!("{origin}/s/{key}/"),
                login: format!("{origin}/s/{key}/login"),
                protected: access == Access::Protected,
            })
            .collect(),
        mailbox: format!("{origin}/mailbox"),
        customers: vec![
            login("ada@example.test", "Ada Marsh, at home in Harbor Coffee"),
            login("ben@example.test", "Ben Okafor, at home in Harbor Trade"),
            login("cleo@example.test", "Cleo Blocked, whose account is closed"),
        ],
        oms: format!("{origin}/oms"),
        staff: vec![
            login("agent@harbor.test", "Robin Agent, who sends reminders"),
            login("viewer@harbor.test", "Vic Viewer, who reads only"),
            login(
                "admin@harbor.test",
                "Alex Admin, who is asked to set up a second factor on the first log-in",
            ),
        ],
        password: data::PASSWORD.into(),
    }
}

fn announce(origin: &str) {
    println!("Doorkey's demo is running.\n");
    println!("  Start here     {origin}/");
    for (name, key, _, access) in data::stores() {
        let access = if access == Access::Protected { "  (protected)" } else { "" };
        println!("  {name:<14} {origin}/s/{key}/{access}");
    }
    println!("  Back office    {origin}/oms");
    println!("  All its mail   {origin}/mailbox\n");
    println!("  Customers      ada@example.test, ben@example.test, cleo@example.test (blocked)");
    println!("  Staff          agent@harbor.test, viewer@harbor.test,");
    println!("                 admin@harbor.test (sets up a second factor on the first log-in)");
    println!("  Password       {}\n", data::PASSWORD);
    println!("Forget it on {origin}/s/harbor/login. Press Ctrl-C to stop.");
}
