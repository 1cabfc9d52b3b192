//! The form of a store's settings: what is shown, what was typed, what is wrong with it.

use serde::Deserialize;

use crate::clock::minutes;
use crate::locale::{Language, capitalized};
use crate::store::rules::{self, Read};
use crate::store::{Access, NewStore, Setting, Store};

/// Settings to change, each under the name of its field.
pub type Changes = Vec<(&'static str, Setting)>;

/// What is wrong, by field.
#[derive(Clone, Debug, Default)]
pub struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// One thing is wrong.
    pub fn one(field: &'static str, advice: &str) -> Self {
        let mut errors = Self::default();
        errors.add(field, advice);
        errors
    }

    /// Adds half a sentence of advice for a field, as a whole sentence.
    pub fn add(&mut self, field: &'static str, advice: &str) {
        self.0.push((field, sentence(advice)));
    }

    /// What is wrong with this field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, text)| text.as_str())
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Half a sentence of advice as a whole one.
pub fn sentence(advice: &str) -> String {
    let end = if advice.ends_with('.') { "" } else { "." };
    format!("{}{end}", capitalized(advice))
}

/// The fields, as text. A box that is not ticked is not sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreForm {
    /// The secret of the session's forms.
    pub form_secret: String,
    /// Of a new store only.
    pub key: String,
    /// See [`Store::name`].
    pub name: String,
    /// See [`Store::base_url`].
    pub base_url: String,
    /// See [`Store::access`].
    pub access: String,
    /// See [`Store::language`].
    pub language: String,
    /// See [`Store::languages`]: a box each.
    pub speaks_en: String,
    /// See [`StoreForm::speaks_en`].
    pub speaks_de: String,
    /// See [`StoreForm::speaks_en`].
    pub speaks_es: String,
    /// See [`StoreForm::speaks_en`].
    pub speaks_fr: String,
    /// See [`Store::accent`].
    pub accent: String,
    /// See [`Store::prompt`].
    pub prompt: String,
    /// See [`Store::sender`].
    pub sender: String,
    /// See [`Store::sender_name`].
    pub sender_name: String,
    /// See [`Store::link_ttl`], in minutes.
    pub link_minutes: String,
    /// See [`Store::password_min`].
    pub password_min: String,
    /// See [`Store::cart_cookie`].
    pub cart_cookie: String,
}

impl StoreForm {
    /// What is stored.
    pub fn of(store: &Store) -> Self {
        let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
        let speaks = |l: Language| {
            let text = if store.languages.contains(&l) { "1" } else { "" };
            text.to_owned()
        };
        Self {
            form_secret: String::new(),
            key: store.key.clone(),
            name: store.name.clone(),
            base_url: store.base_url.clone(),
            access: store.access.as_str().into(),
            language: store.language.code().into(),
            speaks_en: speaks(Language::En),
            speaks_de: speaks(Language::De),
            speaks_es: speaks(Language::Es),
            speaks_fr: speaks(Language::Fr),
            accent: store.accent.clone(),
            prompt: store.prompt.clone().unwrap_or_default(),
            sender: store.sender.clone(),
            sender_name: store.sender_name.clone().unwrap_or_default(),
            link_minutes: number(store.link_ttl.map(minutes)),
            password_min: number(store.password_min.and_then(|n| i64::try_from(n).ok())),
            cart_cookie: store.cart_cookie.clone().unwrap_or_default(),
        }
    }

    /// What a new store begins with.
    pub fn empty() -> Self {
        let ticked = || "1".to_owned();
        Self {
            access: "public".into(),
            language: "en".into(),
            accent: "#1f5c57".into(),
            speaks_en: ticked(),
            speaks_de: ticked(),
            speaks_es: ticked(),
            speaks_fr: ticked(),
            ..Self::default()
        }
    }

    /// The boxes of the languages: code, name, whether it is ticked.
    pub fn speaks(&self) -> [(&'static str, &'static str, bool); 4] {
        let ticked = |text: &str| !text.is_empty();
        [
            ("en", "English", ticked(&self.speaks_en)),
            ("de", "German", ticked(&self.speaks_de)),
            ("es", "Spanish", ticked(&self.speaks_es)),
            ("fr", "French", ticked(&self.speaks_fr)),
        ]
    }

    /// The languages that are ticked, and the store's own.
    fn spoken(&self) -> Vec<Language> {
        let boxes = self.speaks();
        let is_in = |l: &Language| {
            boxes.iter().any(|(code, _, ticked)| *ticked && *code == l.code())
                || self.language == l.code()
        };
        Language::ALL.into_iter().filter(is_in).collect()
    }

    /// Every setting as it was typed: its field, what tells whether it differs, and its value.
    fn settings(&self) -> [(&'static str, String, Read<Setting>); 12] {
        use rules as read;
        let field = |name, text: &str, read| (name, text.to_owned(), read);
        let (minutes, characters) = (&self.link_minutes, &self.password_min);
        let (from, cookie) = (&self.sender_name, &self.cart_cookie);
        let spoken = self.spoken();
        let codes: String = spoken.iter().map(|l| l.code()).collect();
        [
            field("name", &self.name, read::name(&self.name).map(Setting::Name)),
            field("base_url", &self.base_url, read::base_url(&self.base_url).map(Setting::BaseUrl)),
            field("access", &self.access, read::access(&self.access).map(Setting::Access)),
            field(
                "language",
                &self.language,
                read::language(&self.language).map(Setting::Language),
            ),
            field("languages", &codes, Ok(Setting::Languages(spoken))),
            field("accent", &self.accent, read::accent(&self.accent).map(Setting::Accent)),
            field("prompt", &self.prompt, read::prompt(&self.prompt).map(Setting::Prompt)),
            field("sender", &self.sender, read::sender(&self.sender).map(Setting::Sender)),
            field("sender_name", from, read::sender_name(from).map(Setting::SenderName)),
            field("link_minutes", minutes, read::link_minutes(minutes).map(Setting::LinkTtl)),
            field(
                "password_min",
                characters,
                read::password_min(characters).map(Setting::PasswordMin),
            ),
            field("cart_cookie", cookie, read::cart_cookie(cookie).map(Setting::CartCookie)),
        ]
    }

    /// What differs from what is stored, read and checked.
    ///
    /// # Errors
    /// What is wrong, by field.
    pub fn changes(&self, stored: &Self) -> Result<Changes, Errors> {
        let before = stored.settings();
        let changed = self.settings().into_iter().zip(before).filter(|(new, old)| new.1 != old.1);
        sort(changed.map(|((name, _, read), _)| (name, read)))
    }

    /// A new store, and the settings to follow.
    ///
    /// # Errors
    /// What is wrong, by field.
    pub fn new_store(&self) -> Result<(NewStore, Changes), Errors> {
        let read = sort(self.settings().into_iter().map(|(name, _, read)| (name, read)));
        let (settings, key) = match (read, rules::key(&self.key)) {
            (Ok(settings), Ok(key)) => (settings, key),
            (read, key) => {
                let mut errors = read.err().unwrap_or_default();
                if let Err(advice) = key {
                    errors.add("key", &advice);
                }
                return Err(errors);
            }
        };
        let (name, base_url, accent, sender) = Default::default();
        let (access, language) = (Access::Protected, Language::En);
        let mut new = NewStore { key, name, base_url, access, language, accent, sender };
        let mut rest = Vec::new();
        for (name, setting) in settings {
            match setting {
                Setting::Name(v) => new.name = v,
                Setting::BaseUrl(v) => new.base_url = v,
                Setting::Access(v) => new.access = v,
                Setting::Language(v) => new.language = v,
                Setting::Accent(v) => new.accent = v,
                Setting::Sender(v) => new.sender = v,
                setting => rest.push((name, setting)),
            }
        }
        Ok((new, rest))
    }
}

/// All values, or all that is wrong.
fn sort(read: impl Iterator<Item = (&'static str, Read<Setting>)>) -> Result<Changes, Errors> {
    let (mut settings, mut errors) = (Vec::new(), Errors::default());
    for (name, value) in read {
        match value {
            Ok(setting) => settings.push((name, setting)),
            Err(advice) => errors.add(name, &advice),
        }
    }
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}
