//! The `siospec` command from outside: what it prints, what it writes, how it ends, what it leaves behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod clients;
mod commands;
mod connect;
#[cfg(unix)]
mod fuzz;
mod gate;
mod hostile;
#[cfg(unix)]
mod interrupt;
mod reports;
mod support;
mod usage;
