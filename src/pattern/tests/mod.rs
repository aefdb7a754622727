//! Patterns and templates as scripts write them, and the laws that hold for all of them.

mod expected;
mod laws;
mod mistakes;
mod sent;

use super::{Captures, Mismatch, Pattern};
use crate::notation::Text;

fn text(source: &str) -> Text {
    Text(source.to_owned())
}

/// What a packet pattern says of what came, with what was kept.
fn matched(pattern: &str, came: impl AsRef<[u8]>, captures: &mut Captures) -> Result<(), Mismatch> {
    let pattern = Pattern::compile(&text(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    pattern.matches(came, 7, captures)
}

fn fits(pattern: &str, came: &str) -> bool {
    matched(pattern, came, &mut Captures::new()).is_ok()
}

/// The mismatch as a reader sees it.
fn told(pattern: &str, came: impl AsRef<[u8]>) -> String {
    matched(pattern, came, &mut Captures::new())
        .map_or_else(|mismatch| mismatch.to_string(), |()| "it fits".to_owned())
}
