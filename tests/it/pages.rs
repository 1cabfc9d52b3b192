//! Scanners, previews and leaks on the way: what opening a link does not do, and what pages and
//! their headers give away.

mod atlas;
mod choice;
mod headers;
pub mod html;
mod languages;
mod markup;
mod scanners;
