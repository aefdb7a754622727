//! `siospec driver`: help for those who write the driver of a client or a codec.

mod check;
mod client;
mod codec;
mod relay;
mod scene;
mod step;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::run::duration;
use std::io::Write as _;
use std::time::Duration;

/// Help for those who write a driver (see docs/driver.md).
#[derive(Debug, clap::Subcommand)]
pub(super) enum Driver {
    /// Start a driver and say step by step what holds and what is missing
    Check(Check),
    /// Print the JSON Schema of what a driver reads and writes
    Schema,
}

/// The arguments of `siospec driver check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  siospec driver check -- node driver.mjs
  siospec driver check targets/socket.io-client

Exit codes: 0 all holds, 1 something is missing, 2 the command line is wrong, 3 the driver cannot be started")]
pub(super) struct Check {
    /// A folder with a target.toml, or such a file
    #[arg(
        value_name = "TARGET",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    target: Option<String>,
    /// A command that starts the driver
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// How long an answer or a report may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5s")]
    timeout: Duration,
    /// How long the driver may take to introduce itself
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    start_timeout: Duration,
}

pub(super) fn driver(command: &Driver, out: &mut Output) -> Result<Exit, Failure> {
    match command {
        Driver::Check(arguments) => check::check(arguments, out),
        Driver::Schema => {
            out.write_all(&crate::target::driver_schema()?)?;
            Ok(Exit::Success)
        }
    }
}
