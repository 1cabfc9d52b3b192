//! The guided tutorials as data: the popovers in the browser and the browser tests walk the same
//! steps.

use serde::Serialize;

use super::{LAST_NAME, Tutorial};
use crate::staff::Role;

/// What the person does at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "act", content = "value")]
pub enum Act {
    /// Reads and goes on.
    Look,
    /// Clicks what is shown, which leads on.
    Click,
    /// Types this into the field that is shown.
    Type(&'static str),
}

/// One step. `{practice}` stands for the id of the practice customer.
#[derive(Debug, Serialize)]
pub struct Step {
    /// The path of the page it is on; a `*` stands for one part of any name.
    pub page: &'static str,
    /// What is shown: a CSS selector, the first visible match counts.
    pub on: &'static str,
    /// What the person does.
    #[serde(flatten)]
    pub act: Act,
    /// Heading of the popover.
    pub title: &'static str,
    /// A sentence or two.
    pub text: &'static str,
}

impl Step {
    /// Whether its page has one address, so that a link can lead there.
    pub fn is_fixed(&self) -> bool {
        !self.page.contains('*')
    }
}

/// All of them, the most needed first.
pub static ALL: &[Tutorial] = &[REMINDER, EMAIL, PROTECT];

const REMINDER: Tutorial = Tutorial {
    key: "reminder",
    title: "Send a password reminder to your customer",
    lead: "A customer is on the phone and cannot log in. Find the record, click the yellow envelope, \
           read out what the screen says. You practise on Pat Practice: nothing is really sent.",
    minutes: 2,
    role: Role::Agent,
    practice: true,
    steps: &[
        Step {
            page: "/oms/tutorials",
            on: ".side nav a[href='/oms/customers']",
            act: Act::Click,
            title: "Start with the customer",
            text: "Every call starts in the customer file. Click Customers.",
        },
        Step {
            page: "/oms/customers",
            on: "main input[type=search]",
            act: Act::Type(LAST_NAME),
            title: "Ask for the last name",
            text: "Type Practice. A few letters do, and so do the company, the email address or the \
                   customer number. The key / brings you here from anywhere on the page.",
        },
        Step {
            page: "/oms/customers",
            on: "table.list tbody a[href='/oms/customers/{practice}']",
            act: Act::Click,
            title: "The last name opens the record",
            text: "Make sure that it is the right person: first name, company, number. Then click \
                   the last name.",
        },
        Step {
            page: "/oms/customers/{practice}",
            on: ".facts:has(button.envelope)",
            act: Act::Look,
            title: "You cannot see the password",
            text: "It is encrypted: nobody can view it, not you and not an administrator. That is why \
                   there is an envelope beside it.",
        },
        Step {
            page: "/oms/customers/{practice}",
            on: "button.envelope",
            act: Act::Click,
            title: "The yellow envelope",
            text: "One click sends the reminder to the address on file. There is no address to type, \
                   so none can be mistyped. Click it.",
        },
        Step {
            page: "/oms/customers/{practice}",
            on: "#say",
            act: Act::Look,
            title: "Read this out",
            text: "On top stands what was sent, where to and for how long it is good. Here stands what \
                   to tell the caller; it changes as things happen.",
        },
        Step {
            page: "/oms/customers/{practice}",
            on: "#entries",
            act: Act::Look,
            title: "Watch it arrive",
            text: "The timeline moves by itself: queued, accepted by the mail server, opened, logged \
                   in. Stay on the line until the customer is in.",
        },
        Step {
            page: "/oms/tutorials/mail",
            on: ".panel",
            act: Act::Look,
            title: "What the customer receives",
            text: "This is the mail that would have gone out, with made-up contents. You will never \
                   see a real one: it is for the customer alone.",
        },
    ],
};

const EMAIL: Tutorial = Tutorial {
    key: "email",
    title: "Check that your email arrives",
    lead: "A reminder helps only if it lands in the inbox. See what the doctor says about your sender \
           domain, what to publish for it, and how a test mail tells the rest.",
    minutes: 3,
    role: Role::Viewer,
    practice: false,
    steps: &[
        Step {
            page: "/oms/tutorials",
            on: ".side nav a[href='/oms/email']",
            act: Act::Click,
            title: "What became of your mails",
            text: "Click Email delivery: it shows every mail of the last days, and what the other mail \
                   servers answered.",
        },
        Step {
            page: "/oms/email",
            on: "main section.panel",
            act: Act::Look,
            title: "Nothing should wait for long",
            text: "An empty queue is a good queue. Deferred means that the other side said “not now”: \
                   Doorkey tries again by itself.",
        },
        Step {
            page: "/oms/email/doctor",
            on: "#domains",
            act: Act::Look,
            title: "The doctor",
            text: "Every domain that your stores send from, with a verdict. The doctor looks once a \
                   day; what gets worse becomes an alert in Activity.",
        },
        Step {
            page: "/oms/email/doctor",
            on: "#domains tbody a",
            act: Act::Click,
            title: "Open a domain",
            text: "Click a domain. Looking changes nothing.",
        },
        Step {
            page: "/oms/email/doctor/*",
            on: "#verdict",
            act: Act::Look,
            title: "What to publish",
            text: "Below stand its checks: what was found, what to do, and the record ready to copy. \
                   Publish it, then have it checked again from here.",
        },
        Step {
            page: "/oms/email/test",
            on: "#sent",
            act: Act::Look,
            title: "Then a test mail",
            text: "Send one to a mailbox of your own and paste its source here: it is compared with what \
                   was sent. You see whether links were rewritten and whether others trust it.",
        },
        Step {
            page: "/oms/help/email",
            on: "#senders",
            act: Act::Look,
            title: "Until all is green",
            text: "This article of Help opens on the same verdicts, with the one thing to do next for \
                   each domain. Come back until all is green.",
        },
        Step {
            page: "/oms/help/email",
            on: ".prose",
            act: Act::Look,
            title: "And if it still does not arrive",
            text: "The rest of the article is what to try while the customer is on the line: spam \
                   folder, mistyped address, full mailbox.",
        },
    ],
};

const PROTECT: Tutorial = Tutorial {
    key: "protect",
    title: "Protect a store with a login",
    lead: "A protected store shows nothing but its login page to strangers: for trade customers, or \
           before an opening. Nothing changes until you press Save.",
    minutes: 1,
    role: Role::Administrator,
    practice: false,
    steps: &[
        Step {
            page: "/oms/tutorials",
            on: ".side nav a[href='/oms/stores']",
            act: Act::Click,
            title: "Go to your stores",
            text: "Each store is public or protected on its own. Click Stores.",
        },
        Step {
            page: "/oms/stores",
            on: "table.list tbody a",
            act: Act::Click,
            title: "Choose a store",
            text: "Click the name of any store. Looking changes nothing.",
        },
        Step {
            page: "/oms/stores/*",
            on: ".field:has([name=access])",
            act: Act::Look,
            title: "Public or protected",
            text: "Public: anybody sees the shop, and logs in when they like. Protected: without a \
                   login there is nothing to see but the login page.",
        },
        Step {
            page: "/oms/stores/*",
            on: "form:has([name=access]) button.primary",
            act: Act::Look,
            title: "It counts when you save",
            text: "Customers keep their passwords and need no new ones. Press Save only if you mean \
                   it; from then on the next page asked for leads to the login page.",
        },
    ],
};
