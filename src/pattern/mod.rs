//! What lines expect and send: patterns over texts and JSON, kept values, and why something does not fit.
//!
//! Pure functions over bytes. The language is described in `cases/README.md` under "Patterns".

mod captures;
mod compare;
mod expect;
mod json;
mod mismatch;
mod number;
mod report;
mod scan;
mod search;
mod segment;
mod template;
#[cfg(test)]
mod tests;

pub use captures::{Captured, Captures};
pub use expect::{Name, Names, Pattern, match_binary, shown};
pub use mismatch::Mismatch;
pub use scan::PatternError;
pub use template::{RenderError, check_template, render, render_binary, render_plain};
