//! A client as a target: a driver that speaks the client part of `docs/driver.md`, and many cases at once over it.

mod case;
mod instance;
mod pump;
mod target;
#[cfg(test)]
#[cfg(unix)]
mod tests;

pub use case::{Answer, CaseDriver};
pub use instance::ClientInstance;
pub use target::ClientTarget;
