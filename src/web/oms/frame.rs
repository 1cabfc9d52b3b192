//! What every page of the back office has: navigation, who is logged in, and what just happened.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::desk::Desk;
use crate::clock::Micros;
use crate::locale::Language;
use crate::staff::Role;
use crate::web::assets;
use crate::web::page::html;

/// The part of a template that all pages of the back office share.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which line of the navigation is lit.
    pub section: Section,
    /// The merchant's name.
    pub merchant: String,
    /// Who is logged in: name and role.
    pub staff: String,
    /// `administrator`, `agent` or `viewer`.
    pub role: &'static str,
    /// For every form.
    pub form_secret: String,
    /// What stands on top of all pages until it is over, such as a mail worker that is down.
    pub banner: Option<String>,
}

/// A line of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Customers.
    Customers,
    /// Stores.
    Stores,
    /// Email delivery.
    Email,
    /// Activity.
    Activity,
    /// Numbers.
    Numbers,
    /// Staff.
    Staff,
    /// Settings.
    Settings,
    /// Guided Tutorials.
    Tutorials,
    /// Help.
    Help,
    /// The own account of who is logged in.
    Account,
}

/// The navigation: above the line what is worked with, below it what explains.
const NAVIGATION: [(Section, &str, &str); 9] = [
    (Section::Customers, "/oms/customers", "Customers"),
    (Section::Stores, "/oms/stores", "Stores"),
    (Section::Email, "/oms/email", "Email delivery"),
    (Section::Activity, "/oms/activity", "Activity"),
    (Section::Numbers, "/oms/numbers", "Numbers"),
    (Section::Staff, "/oms/staff", "Staff"),
    (Section::Settings, "/oms/settings", "Settings"),
    (Section::Tutorials, "/oms/tutorials", "Guided Tutorials"),
    (Section::Help, "/oms/help", "Help"),
];

impl Frame {
    /// A page of `section`, seen from `desk`.
    pub fn new(desk: &Desk, section: Section) -> Self {
        let staff = desk.staff();
        Self {
            section,
            merchant: staff.merchant_name.clone(),
            staff: staff.name.clone(),
            role: staff.role.as_str(),
            form_secret: desk.form_secret(),
            banner: desk.app.mail_trouble(desk.now),
        }
    }

    /// The lines of the navigation: address, label, whether it is lit, whether it stands below the
    /// line.
    pub fn navigation(&self) -> Vec<(&'static str, &'static str, bool, bool)> {
        let below = |s| matches!(s, Section::Tutorials | Section::Help);
        NAVIGATION
            .iter()
            .map(|(s, path, label)| (*path, *label, *s == self.section, below(*s)))
            .collect()
    }

    /// Whether the page is seen by one who may do what an agent may.
    pub fn is_agent(&self) -> bool {
        Role::parse(self.role).is_some_and(|role| role.may(Role::Agent))
    }

    /// Whether the page is seen by an administrator.
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator.as_str()
    }

    /// The URL of an asset, which changes with its content.
    pub fn asset(&self, name: &str) -> String {
        asset(name)
    }
}

/// The URL of an asset outside of stores.
pub fn asset(name: &str) -> String {
    assets::url("", name)
}

/// A moment as staff read it: `23 Nov 2026, 14:05 UTC`.
pub fn moment(at: Micros) -> String {
    Language::En.moment(at, &jiff::tz::TimeZone::UTC)
}

/// The same for a narrow column, whose heading says that it is UTC: `26 Nov 2026, 14:29`.
pub fn short_moment(at: Micros) -> String {
    written(at, "%-d %b %Y, %H:%M")
}

/// The time of day alone, in UTC: `14:29`.
pub fn time_of_day(at: Micros) -> String {
    written(at, "%H:%M")
}

fn written(at: Micros, form: &str) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap_or_default().strftime(form).to_string()
}

/// A page that only says something, for those who are not logged in or not allowed.
#[derive(Template)]
#[template(path = "oms/message.html")]
pub struct Notice {
    /// Heading.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// Where to go from here: address and label.
    pub link: (String, String),
}

impl Notice {
    fn asset(&self, name: &str) -> String {
        asset(name)
    }

    /// The page with a status.
    pub fn answer(self, status: StatusCode) -> Response {
        (status, html(&self)).into_response()
    }
}
