//! The mails whose text a store can change, as data: what stands for what, what Doorkey says itself,
//! and what follows the store's text whatever it says.

/// A mail whose text can be changed.
#[derive(Debug)]
pub struct Mail {
    /// As stored and in URLs.
    pub key: &'static str,
    /// The name of its templates in `mail::message`.
    pub template: &'static str,
    /// What staff call it.
    pub title: &'static str,
    /// When it goes out.
    pub when: &'static str,
    /// Facts that its text may mention.
    pub slots: &'static [Slot],
    /// Key of its subject, and that of the words on its button.
    pub subject: &'static str,
    /// See [`Mail::subject`].
    pub button: &'static str,
    /// Which of its fields is the link.
    pub link: &'static str,
    /// Whether it carries a password, in its field of this name.
    pub has_password: bool,
    /// Its usual text: `@` begins the key of a text, `LINK` and `PASSWORD` stand for themselves.
    pub body: &'static str,
    /// What follows.
    pub after: &'static [After],
}

impl Mail {
    /// Placeholders that stand once, alone on a line, and what they stand for.
    pub fn alone(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let password = self.has_password.then_some(("password", "the password in a box"));
        [("link", "The link, as a button")].into_iter().chain(password)
    }
}

/// A fact that a text may mention.
#[derive(Debug)]
pub struct Slot {
    /// Between the braces; also the field of the mail.
    pub name: &'static str,
    /// What it stands for.
    pub meaning: &'static str,
}

/// What stands below the store's text.
#[derive(Clone, Copy, Debug)]
pub enum After {
    /// A line across; what follows is less important.
    Rule,
    /// The text with this key.
    Text(&'static str),
    /// The text with this key, which names the store.
    WithStore(&'static str),
    /// The address in this field.
    Address(&'static str),
    /// The text with this key, and the field that it introduces.
    Fact(&'static str, &'static str),
    /// Where the field `by_staff` says that staff began it: the text with this key, which names the
    /// store. Customers are told, whatever the store would rather say.
    ByStaff(&'static str),
    /// The same with a field that the text introduces.
    ByStaffFact(&'static str, &'static str),
}
use After::{Address, ByStaff, ByStaffFact, Fact, Rule, Text, WithStore};

const STORE: Slot = Slot { name: "store", meaning: "The store's name" };
const MINUTES: Slot = Slot { name: "minutes", meaning: "How many minutes it works" };
const EXPIRES: Slot = Slot { name: "expires", meaning: "When it stops working" };

/// All of them.
pub const MAILS: &[Mail] = &[
    Mail {
        key: "recovery",
        template: "Recovery",
        title: "Recovery link",
        when: "A customer asked for a link to choose a new password.",
        slots: &[
            STORE,
            MINUTES,
            EXPIRES,
            Slot { name: "reference", meaning: "What the customer can read to you on the phone" },
        ],
        subject: "recovery-subject",
        button: "recovery-button",
        link: "link",
        has_password: false,
        body: "@mail-hello\n\n@recovery-intro\n\n@recovery-open\n\nLINK\n\n\
               @recovery-minutes @recovery-expires",
        after: &[
            Rule,
            Text("recovery-not-you"),
            Address("not_me"),
            Fact("recovery-reference", "reference"),
        ],
    },
    Mail {
        key: "password_changed",
        template: "PasswordChanged",
        title: "Password changed",
        when: "A customer's password was changed. The link freezes the account if it was somebody else.",
        slots: &[
            STORE,
            Slot { name: "at", meaning: "When the password was changed" },
            Slot { name: "device", meaning: "The browser that changed it" },
        ],
        subject: "password-changed-subject",
        button: "password-changed-button",
        link: "freeze",
        has_password: false,
        body: "@mail-hello\n\n@password-changed-intro\n\n\
               @password-changed-at\n@password-changed-device\n\n@password-changed-you\n\n\
               @password-changed-not-you\n\nLINK",
        after: &[],
    },
    Mail {
        key: "address_confirm",
        template: "AddressConfirm",
        title: "Confirm a new address",
        when: "Goes to the new address when a customer's email address is to change.",
        slots: &[STORE, EXPIRES],
        subject: "address-confirm-subject",
        button: "address-confirm-button",
        link: "link",
        has_password: false,
        body: "@mail-hello\n\n@address-confirm-intro\n\n@address-confirm-open\n\nLINK\n\n\
               @address-confirm-expires\n\n@address-confirm-not-you",
        after: &[ByStaff("address-confirm-intro-staff")],
    },
    Mail {
        key: "address_notice",
        template: "AddressNotice",
        title: "Address about to change",
        when: "Goes to the old address when a customer's email address is to change. The link keeps it.",
        slots: &[STORE, Slot { name: "new_address", meaning: "The new address, mostly hidden" }],
        subject: "address-notice-subject",
        button: "address-notice-button",
        link: "undo",
        has_password: false,
        body: "@mail-hello\n\n@address-notice-intro\n\n{{ new_address }}\n\n\
               @address-notice-you\n\n@address-notice-not-you\n\nLINK",
        after: &[ByStaffFact("address-notice-intro-staff", "new_address")],
    },
    Mail {
        key: "registration",
        template: "Registration",
        title: "Welcome",
        when: "A new customer registered and confirms the address.",
        slots: &[STORE, EXPIRES],
        subject: "registration-subject",
        button: "registration-button",
        link: "link",
        has_password: false,
        body: "@mail-hello\n\n@registration-intro\n\n@registration-open\n\nLINK\n\n\
               @registration-expires\n\n@registration-not-you",
        after: &[],
    },
    Mail {
        key: "registration_exists",
        template: "RegistrationExists",
        title: "Account exists already",
        when: "Somebody registered with an address that has an account. The link leads to the login page.",
        slots: &[STORE],
        subject: "registration-exists-subject",
        button: "registration-exists-button",
        link: "login",
        has_password: false,
        body: "@mail-hello\n\n@registration-exists-intro\n\n@registration-exists-login\n\nLINK",
        after: &[
            Text("registration-exists-forgot"),
            Address("forgot"),
            Text("registration-exists-not-you"),
        ],
    },
    Mail {
        key: "reminder_temporary",
        template: "ReminderTemporary",
        title: "Reminder: temporary password",
        when: "Staff clicked the envelope, and it sends a temporary password.",
        slots: &[STORE, MINUTES, EXPIRES],
        subject: "reminder-temporary-subject",
        button: "reminder-temporary-button",
        link: "login",
        has_password: true,
        body: "@mail-hello\n\n@reminder-temporary-intro\n\nPASSWORD\n\n\
               @reminder-temporary-minutes @recovery-expires\n\n@reminder-temporary-login\n\nLINK\n\n\
               @reminder-temporary-opens",
        after: &[WithStore("reminder-staff"), Rule, Text("reminder-not-you"), Address("not_me")],
    },
    Mail {
        key: "reminder_link",
        template: "ReminderLink",
        title: "Reminder: link",
        when: "Staff clicked the envelope, and it sends a link.",
        slots: &[STORE, MINUTES, EXPIRES],
        subject: "recovery-subject",
        button: "recovery-button",
        link: "link",
        has_password: false,
        body: "@mail-hello\n\n@recovery-open\n\nLINK\n\n@recovery-minutes @recovery-expires",
        after: &[WithStore("reminder-staff"), Rule, Text("reminder-not-you"), Address("not_me")],
    },
    Mail {
        key: "reminder_current",
        template: "ReminderCurrent",
        title: "Reminder: own password",
        when: "Staff clicked the envelope, and it sends the customer's own password.",
        slots: &[STORE],
        subject: "reminder-current-subject",
        button: "reminder-temporary-button",
        link: "login",
        has_password: true,
        body: "@mail-hello\n\n@reminder-current-intro\n\nPASSWORD\n\n@reminder-current-login\n\nLINK",
        after: &[
            Text("reminder-current-change"),
            WithStore("reminder-staff"),
            Rule,
            Text("reminder-current-not-you"),
            Address("not_me"),
        ],
    },
];

/// The mail with this key.
pub fn mail(key: &str) -> Option<&'static Mail> {
    MAILS.iter().find(|mail| mail.key == key)
}
