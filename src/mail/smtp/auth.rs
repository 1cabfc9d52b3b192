//! Logging in to a mail server: `AUTH PLAIN` and `LOGIN` (RFC 4954, RFC 4616) with a password,
//! `XOAUTH2` (Google's and Microsoft's form of RFC 7628) with a token that expires.

use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use zeroize::Zeroizing;

use super::reply::{Failure, Step};
use super::session::{Session, setup};

/// The longest token taken: a command line may have 12288 bytes with this extension (RFC 4954, 4).
const MAX_TOKEN: usize = 8192;

/// How to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// With a token by XOAUTH2; with a password by PLAIN, or LOGIN where the server knows only that.
    #[default]
    Auto,
    /// `AUTH PLAIN` and nothing else.
    Plain,
    /// `AUTH LOGIN` and nothing else.
    Login,
    /// `AUTH XOAUTH2` and nothing else.
    Xoauth2,
}

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "plain" => Ok(Self::Plain),
            "login" => Ok(Self::Login),
            "xoauth2" => Ok(Self::Xoauth2),
            _ => Err("use \"auto\", \"plain\", \"login\" or \"xoauth2\"".to_owned()),
        }
    }
}

/// Where a token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// The configuration.
    Fixed(Zeroizing<String>),
    /// A file that something else keeps fresh: read for every new connection, for tokens live about
    /// an hour.
    File(PathBuf),
}

impl TokenSource {
    async fn read(&self) -> Result<Zeroizing<String>, Failure> {
        let text = match self {
            Self::Fixed(text) => text.clone(),
            Self::File(path) => {
                let file = path.clone();
                let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
                let unreadable = |why: &dyn std::fmt::Display| {
                    setup(format!("the token file {} cannot be read: {why}", path.display()))
                };
                let text = read.map_err(|e| unreadable(&e))?.map_err(|e| unreadable(&e))?;
                let text = Zeroizing::new(text);
                Zeroizing::new(text.trim().to_owned())
            }
        };
        let fits = (1..=MAX_TOKEN).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(text);
        }
        Err(setup("the token for XOAUTH2 is empty, too long or has spaces in it".to_owned()))
    }
}

/// Who logs in, and with what.
pub(super) struct Login {
    pub user: String,
    pub password: Zeroizing<String>,
    pub token: Option<TokenSource>,
    pub auth: Auth,
}

impl Session {
    /// Logs in, if the server may see what that takes.
    pub(super) async fn log_in(&mut self, login: &Login, loopback: bool) -> Result<(), Failure> {
        if self.tls.is_none() && !loopback {
            return Err(setup("the server offers no TLS: the password was not sent".to_owned()));
        }
        let offered = self.feature("AUTH").unwrap_or_default().to_owned();
        let offers = |mechanism| offered.split([' ', '=']).any(|word| word == mechanism);
        let may = |auth| login.auth == auth || login.auth == Auth::Auto;
        match &login.token {
            Some(token) if may(Auth::Xoauth2) && offers("XOAUTH2") => {
                let token = token.read().await?;
                self.log_in_with_token(&login.user, &token).await?;
            }
            Some(_) if may(Auth::Xoauth2) => {
                return Err(setup("the server does not offer AUTH XOAUTH2".to_owned()));
            }
            _ if may(Auth::Plain) && offers("PLAIN") => self.log_in_plain(login).await?,
            _ if may(Auth::Login) && offers("LOGIN") => self.log_in_in_turns(login).await?,
            _ => {
                let wanted = match login.auth {
                    Auth::Plain => "does not offer AUTH PLAIN",
                    Auth::Login => "does not offer AUTH LOGIN",
                    _ => "offers neither AUTH PLAIN nor AUTH LOGIN",
                };
                return Err(setup(format!("the server {wanted}")));
            }
        }
        self.logged_in = true;
        Ok(())
    }

    async fn log_in_plain(&mut self, login: &Login) -> Result<(), Failure> {
        let plain = Zeroizing::new(format!("\0{}\0{}", login.user, login.password.as_str()));
        let plain = Zeroizing::new(B64.encode(plain.as_bytes()));
        let line = Zeroizing::new(format!("AUTH PLAIN {}", plain.as_str()));
        let result = self.command(Step::Setup, &line, 235).await;
        result.map(drop).map_err(|failure| without(failure, &[&plain, &login.password]))
    }

    async fn log_in_in_turns(&mut self, login: &Login) -> Result<(), Failure> {
        let user = Zeroizing::new(B64.encode(&login.user));
        let password = Zeroizing::new(B64.encode(login.password.as_bytes()));
        self.command(Step::Setup, "AUTH LOGIN", 334).await?;
        self.command(Step::Setup, &user, 334).await?;
        let result = self.command(Step::Setup, &password, 235).await;
        result.map(drop).map_err(|failure| without(failure, &[&password, &login.password]))
    }

    async fn log_in_with_token(&mut self, user: &str, token: &str) -> Result<(), Failure> {
        let said = Zeroizing::new(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"));
        let said = Zeroizing::new(B64.encode(said.as_bytes()));
        let line = Zeroizing::new(format!("AUTH XOAUTH2 {}", said.as_str()));
        let mut result = self.command(Step::Setup, &line, 235).await;
        // What is wrong with the token comes as a challenge; the refusal follows an empty answer.
        if matches!(&result, Err(failure) if failure.code == Some(334)) {
            result = self.command(Step::Setup, "", 235).await;
        }
        result.map(drop).map_err(|failure| without(failure, &[&said, token]))
    }
}

/// A server that quotes the refused command must not bring the password into our logs. Nor a part of
/// it: replies are cut, and tokens are long.
fn without(mut failure: Failure, secrets: &[&str]) -> Failure {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        failure.text = failure.text.replace(secret, "…");
        let start = secret.get(..12).unwrap_or(secret);
        if let Some(at) = failure.text.find(start) {
            failure.text.truncate(at);
            failure.text.push('…');
        }
    }
    failure
}
