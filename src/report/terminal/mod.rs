//! A run on the terminal: what happens while it goes on, the failures in full, and a summary.

mod failure;
mod live;
mod summary;

pub use live::{Detail, Terminal};
