//! The `siospec` command from outside: what it prints, what it writes, how it ends, what it leaves behind.

mod commands;
mod gate;
mod hostile;
#[cfg(unix)]
mod interrupt;
mod reports;
mod support;
mod usage;
