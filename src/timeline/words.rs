//! A timeline in plain words: what happened, and what to tell the caller about it.

use super::{Entry, Line, Word};
use crate::address::mask;
use crate::clock::{DAY, Micros, SECOND};
use crate::locale::{Language, capitalized};
use crate::store::{Store, Stores};
use jiff::tz::TimeZone;

/// How an entry is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The customer is further.
    Good,
    /// Somebody should know.
    Warn,
    /// It went wrong.
    Bad,
    /// It merely happened.
    Idle,
}

impl Tone {
    /// As stylesheets name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}

/// An entry in words.
#[derive(Clone, Debug)]
pub struct Words {
    /// What happened.
    pub what: String,
    /// Who did it.
    pub actor: String,
    /// At which store.
    pub store: Option<String>,
    /// What to tell the caller, where there is anything to tell.
    pub say: Option<String>,
    /// How it is lit.
    pub tone: Tone,
}

/// Who puts a timeline into words, when, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    /// The stores that entries name.
    pub stores: &'a Stores,
    /// The moment of reading.
    pub now: Micros,
    /// Whether whoever reads may see addresses.
    pub sees_addresses: bool,
    /// Seconds that links live where a store has no say of its own.
    pub link_ttl: i64,
}

impl Speaker<'_> {
    /// An entry in words.
    pub fn words(&self, line: &Line) -> Words {
        let store = line.store_id.as_deref().and_then(|id| self.stores.by_id(id));
        let (what, tone) = self.what(&line.entry);
        Words {
            what,
            actor: line.staff.clone().unwrap_or_else(|| actor(&line.entry).into()),
            say: self.say(line, store.as_deref()),
            store: store.map(|store| store.name.clone()),
            tone,
        }
    }

    /// What to tell a caller now: what the newest entry of the last day has to say.
    pub fn advice(&self, lines: &[Line]) -> Option<String> {
        let recent = lines.iter().take_while(|line| self.now - line.at < DAY);
        recent.filter_map(|line| self.words(line).say).next()
    }

    fn what(&self, entry: &Entry) -> (String, Tone) {
        use Tone::{Bad, Good, Idle, Warn};
        let (text, tone) = match entry {
            Entry::Registered => ("The customer was added", Idle),
            Entry::RecoveryRequested { reference } => {
                return (format!("Asked for a recovery link, reference {reference}"), Idle);
            }
            Entry::MailWithheld { reason } => {
                return (format!("No mail went out: {}", withheld(reason)), Warn);
            }
            Entry::MailQueued { mail } => {
                return (
                    format!("{} is on its way to the mail server", capitalized(name(mail))),
                    Idle,
                );
            }
            Entry::MailAccepted { mail, reply } => {
                let reply = self.reply(reply);
                return (format!("The mail server took {}: {reply}", name(mail)), Good);
            }
            Entry::MailDeferred { mail, reply, next_at } => {
                let (reply, next) = (self.reply(reply), moment(*next_at));
                let text = "The mail server did not take";
                return (format!("{text} {} yet: {reply}. Next try {next}", name(mail)), Warn);
            }
            Entry::MailFailed { mail, reply } => {
                let (reply, name) = (self.reply(reply), capitalized(name(mail)));
                return (format!("{name} could not be delivered: {reply}"), Bad);
            }
            Entry::MailRetried { mail } => return (format!("Had {} sent again", name(mail)), Idle),
            Entry::MailCancelled { mail } => {
                return (format!("Took back {} before it left", name(mail)), Warn);
            }
            Entry::MailBounced { mail, reply, dead } => {
                let (reply, name) = (self.reply(reply), capitalized(name(mail)));
                let more = if *dead { ". No further mail goes to this address" } else { "" };
                return (format!("{name} came back: {reply}{more}"), Bad);
            }
            Entry::MailDelayed { mail, reply } => {
                let (reply, name) = (self.reply(reply), capitalized(name(mail)));
                return (format!("{name} has not arrived yet: {reply}"), Warn);
            }
            Entry::MailComplained { mail } => {
                let name = capitalized(name(mail));
                let text =
                    format!("{name} was marked as spam. No further mail goes to this address");
                return (text, Bad);
            }
            Entry::SuppressionLifted => ("Mail may go to this address again", Good),
            Entry::LinkOpened { scanner: true, .. } => {
                ("The link was opened by what looks like a mail scanner; that does no harm", Idle)
            }
            Entry::LinkOpened { dead: true, .. } => {
                ("A link that no longer works was opened", Warn)
            }
            Entry::LinkOpened { .. } => ("The link was opened", Good),
            Entry::PasswordChanged => ("The password was changed", Good),
            Entry::LoggedIn { by: "recovery" } => ("Logged in by choosing a new password", Good),
            Entry::LoggedIn { .. } => ("Logged in with the password", Good),
            Entry::TemporaryPasswordUsed => {
                ("Logged in with the temporary password, and has to choose a new one", Good)
            }
            Entry::SessionEnded { all: true } => ("All sessions were ended", Idle),
            Entry::SessionEnded { .. } => ("A session ended", Idle),
            Entry::ReminderQueued { mode, sent_mode } => return (reminder(mode, sent_mode), Idle),
            Entry::ReminderRefused { reason } => {
                return (format!("A reminder was refused: {}", self.reply(reason)), Warn);
            }
            Entry::LinkStopped => ("\"This wasn't me\" was pressed: the link is dead", Warn),
            Entry::AccountFrozen => ("\"This wasn't me\" was pressed: the account is frozen", Bad),
            Entry::Blocked => ("The customer was blocked", Bad),
            Entry::Unblocked => ("The customer was unblocked", Good),
            Entry::AddressChangeRequested => ("A change of address was asked for", Idle),
            Entry::AddressChanged => ("The new address was confirmed", Good),
            Entry::AddressChangeUndone => {
                ("The change of address was undone from the old mailbox, the account frozen", Bad)
            }
            Entry::Unknown => ("Something that a newer version of Doorkey wrote down", Idle),
        };
        (text.to_owned(), tone)
    }

    fn say(&self, line: &Line, store: Option<&Store>) -> Option<String> {
        let age = self.now - line.at;
        let ttl = store.and_then(|s| s.link_ttl).unwrap_or(self.link_ttl) * SECOND;
        let text = match &line.entry {
            Entry::RecoveryRequested { .. }
            | Entry::MailQueued { .. }
            | Entry::MailAccepted { .. }
                if age >= ttl && is_awaited(&line.entry) =>
            {
                "That email is too old by now. I can send you a new one."
            }
            Entry::RecoveryRequested { reference } => {
                return Some(format!(
                    "I see your request, reference {reference}. The email leaves at this moment."
                ));
            }
            Entry::MailQueued { .. } if is_awaited(&line.entry) => {
                "Your email leaves at this moment. Please give it a minute."
            }
            Entry::MailAccepted { .. } if is_awaited(&line.entry) => {
                let from = store.map(|s| format!(" It comes from {}.", s.sender));
                return Some(format!(
                    "Your mail provider has the email. Please look into your inbox, and into spam \
                     too.{}",
                    from.unwrap_or_default()
                ));
            }
            Entry::MailDeferred { next_at, .. } if is_awaited(&line.entry) => {
                if *next_at <= self.now {
                    "Your mail provider made us wait; the email is being sent again."
                } else {
                    return Some(format!(
                        "Your mail provider makes us wait. We try again at {}; you need not do \
                         anything.",
                        moment(*next_at)
                    ));
                }
            }
            Entry::MailFailed { .. } if is_awaited(&line.entry) => {
                "Your mail provider does not take the email. Let us check the address that we have."
            }
            Entry::MailRetried { .. } if is_awaited(&line.entry) => {
                "I am having your email sent again. Please give it a minute."
            }
            Entry::MailDelayed { .. } if is_awaited(&line.entry) && age < ttl => {
                "The email has left us, and your mail provider has not delivered it yet. Please \
                  give it some more time."
            }
            other => return steady(other).map(str::to_owned),
        };
        Some(text.to_owned())
    }

    /// A mail server's answer, fit to be shown: it may repeat the address, and a hostile one what
    /// stood in the mail.
    pub fn reply(&self, reply: &str) -> String {
        let word = |word: &str| {
            let secret = word.contains("://") || word.contains("token=") || is_like_a_token(word);
            match (secret, word.contains('@')) {
                (true, _) => "[…]".to_owned(),
                (false, true) if !self.sees_addresses => mask(word),
                _ => word.to_owned(),
            }
        };
        let mut out = String::with_capacity(reply.len());
        for piece in reply.split_inclusive(|c: char| c.is_whitespace() || "<>()[]\",;'".contains(c))
        {
            let end =
                piece.trim_end_matches(|c: char| c.is_whitespace() || "<>()[]\",;'".contains(c));
            out.push_str(&word(end));
            out.push_str(&piece[end.len()..]);
        }
        out.trim_end_matches('.').to_owned()
    }
}

/// What is told of an entry however old it is.
fn steady(entry: &Entry) -> Option<&'static str> {
    Some(match entry {
        Entry::MailWithheld { reason } => match *reason {
            "interval" | "hour" | "day" => {
                "You have had several emails already. Please use the newest one; they all work."
            }
            "held" => {
                "Somebody pressed \"This wasn't me\" in your mailbox, so emails are on hold for a \
                 day."
            }
            "bounced" => {
                "Emails to the address that we have come back. Please give me another address, or \
                 let us check this one letter by letter."
            }
            "complained" => {
                "One of our emails was marked as spam in your mailbox, so we stopped writing to \
                 it. Please give me another address, or tell me that you want our emails."
            }
            _ => return None,
        },
        Entry::MailBounced { dead: true, .. } => {
            "Your email came back: your mail provider says that it takes no mail at this address. \
             Please give me another address, or let us check this one letter by letter."
        }
        Entry::MailBounced { .. } => {
            "Your email came back; perhaps your mailbox is full, or a filter held it. Please look, \
             and I send you a new one."
        }
        Entry::MailComplained { .. } => {
            "Our email was marked as spam in your mailbox, so we stopped writing to it. Please give \
             me another address, or tell me that you want our emails."
        }
        Entry::SuppressionLifted => "Emails go to your address again. I can send you one now.",
        Entry::LinkOpened { dead: true, scanner: false } => {
            "The link that you opened no longer works. I can send you a new one."
        }
        Entry::LinkOpened { scanner: false, .. } => {
            "I see that you have opened the link. Type a new password twice, then press Save and \
             log in."
        }
        Entry::PasswordChanged => "Your password is changed. It works at once.",
        Entry::LoggedIn { .. } => "I see that you are logged in. Is there anything else?",
        Entry::TemporaryPasswordUsed => {
            "You are through with the temporary password. Please choose a new one on that page."
        }
        Entry::ReminderQueued { sent_mode, .. } => match *sent_mode {
            "link" => "I am sending you an email with a link. Open it and choose a new password.",
            "current" => "I am sending you an email with your password. I cannot see it myself.",
            _ => {
                "I am sending you an email with a temporary password. Log in with it, then choose \
                 a new one. I cannot see it myself."
            }
        },
        Entry::LinkStopped => {
            "Somebody pressed \"This wasn't me\" in your mailbox. The link is dead; emails are on \
             hold for a day."
        }
        Entry::AccountFrozen | Entry::AddressChangeUndone => {
            "Your account is frozen, for somebody pressed \"This wasn't me\". A recovery link opens \
             it again."
        }
        Entry::Unblocked => "Your account is open again.",
        Entry::AddressChangeRequested => {
            "An email went to the new address. The change counts once you confirm it there."
        }
        Entry::AddressChanged => "Your new address is confirmed. Emails go there from now on.",
        Entry::SessionEnded { all: true } => "You are logged out everywhere.",
        _ => return None,
    })
}

/// Whether the entry tells of a mail that a person waits for.
fn is_awaited(entry: &Entry) -> bool {
    let (Entry::MailQueued { mail }
    | Entry::MailAccepted { mail, .. }
    | Entry::MailDeferred { mail, .. }
    | Entry::MailRetried { mail }
    | Entry::MailDelayed { mail, .. }
    | Entry::MailFailed { mail, .. }) = entry
    else {
        return true;
    };
    !matches!(*mail, "password_changed" | "address_notice")
}

/// Who does what no member of staff did.
fn actor(entry: &Entry) -> &'static str {
    match entry {
        Entry::Registered
        | Entry::MailWithheld { .. }
        | Entry::MailQueued { .. }
        | Entry::ReminderRefused { .. }
        | Entry::SuppressionLifted
        | Entry::Unknown => "Doorkey",
        Entry::MailAccepted { .. }
        | Entry::MailDeferred { .. }
        | Entry::MailBounced { .. }
        | Entry::MailDelayed { .. }
        | Entry::MailFailed { .. } => "Mail server",
        Entry::MailComplained { .. } => "Mail provider",
        Entry::LinkOpened { scanner: true, .. } => "Mail scanner",
        Entry::Blocked | Entry::Unblocked | Entry::ReminderQueued { .. } => "Operator",
        _ => "Customer",
    }
}

fn withheld(reason: Word) -> &'static str {
    match reason {
        "blocked" => "the customer is blocked",
        "held" => "\"This wasn't me\" holds mails back",
        "interval" => "one went out just before",
        "hour" => "too many in an hour",
        "day" => "too many in a day",
        "bounced" => "mail to this address came back",
        "complained" => "a mail to this address was marked as spam",
        _ => "it was held back",
    }
}

fn reminder(mode: Word, sent_mode: Word) -> String {
    let carries = |mode| match mode {
        "link" => "a link",
        "current" => "the current password",
        _ => "a temporary password",
    };
    if mode == sent_mode {
        return format!("Sent a reminder with {}", carries(mode));
    }
    let (sent, wanted) = (carries(sent_mode), carries(mode));
    format!("Sent a reminder with {sent}, for {wanted} could not be sent")
}

/// A mail, in words that fit into a sentence.
fn name(mail: Word) -> &'static str {
    match mail {
        "recovery" => "the email with the link",
        "reminder" => "the reminder",
        "password_changed" => "the notice that the password was changed",
        "address_confirm" => "the email that asks to confirm the new address",
        "address_notice" => "the notice to the old address",
        "registration" => "the email that confirms the registration",
        _ => "an email",
    }
}

/// Tokens are 43 letters, digits, `-` and `_`; no mail server's own names come near that.
pub fn is_like_a_token(word: &str) -> bool {
    let other = |b: u8| !b.is_ascii_alphanumeric() && b != b'-' && b != b'_';
    word.split(|c: char| !c.is_ascii() || other(c as u8)).any(|run| run.len() >= 40)
}

fn moment(at: Micros) -> String {
    Language::En.moment(at, &TimeZone::UTC)
}
