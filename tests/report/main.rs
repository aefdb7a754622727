//! Reports: what they hold, how large they are, what hostile results do to them, and what is published.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod forms;
mod pages;
#[cfg(unix)]
mod remake;
mod samples;
mod schema;
