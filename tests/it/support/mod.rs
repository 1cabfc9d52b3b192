//! What the stories are told with.

pub mod app;
pub mod browser;
pub mod desk;
pub mod dkim;
pub mod dns;
pub mod face;
pub mod forms;
pub mod ground;
pub mod postgres;
pub mod process;
pub mod routes;
pub mod smtp_sink;

pub use app::{Options, TestApp};
pub use browser::{Answer, Browser};

/// Writes a story once and runs it on both databases: `both!(name, |db| async move { … })` makes
/// the tests `name::sqlite` and `name::postgres`.
macro_rules! both {
    ($(#[$meta:meta])* $name:ident, $story:expr) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let story = $story;
                story($crate::support::app::Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let story = $story;
                story($crate::support::app::Database::Postgres).await;
            }
        }
    };
}
pub(crate) use both;
