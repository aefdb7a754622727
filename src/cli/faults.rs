//! `siospec faults`: the deliberate faults that the reference can be started with.

use super::exit::{Exit, Failure};
use super::output::Output;
use std::io::Write as _;

/// The arguments of `siospec faults`.
#[derive(Debug, clap::Args)]
pub(super) struct Faults {}

pub(super) fn faults(_arguments: &Faults, out: &mut Output) -> Result<Exit, Failure> {
    writeln!(out, "the reference has no faults")?;
    Ok(Exit::Success)
}
