//! `siospec baseline write`: the list of what a target fails today, as a list of known failures.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::report_file::ReportFile;
use super::run::{Prepared, Run};
use crate::run::known_list;
use std::io::Write as _;
use std::path::PathBuf;

/// The commands of `siospec baseline`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Baseline {
    /// Run a target and write what it fails, to be completed with reasons and links
    Write(Box<Write>),
}

/// The arguments of `siospec baseline write`.
#[derive(Debug, clap::Args)]
pub(super) struct Write {
    /// The file to write: it is given to `siospec run` as --known, or its tables are put into target.toml
    #[arg(short, long, value_name = "FILE", default_value = "known.toml")]
    output: PathBuf,
    #[command(flatten)]
    run: Run,
}

pub(super) fn write(arguments: &Write, out: &mut Output) -> Result<Exit, Failure> {
    let prepared = Prepared::one(&arguments.run)?.without_known();
    let file = ReportFile::open(&arguments.output).map_err(Failure::usage)?;
    let result = prepared.play(out)?;
    if result.interrupted {
        return Ok(Exit::Interrupted);
    }
    let list = known_list(&result, arguments.run.is_strict());
    file.write(list.text.as_bytes())?;
    writeln!(
        out,
        "{} known failures are written to {}",
        list.entries,
        arguments.output.display()
    )?;
    Ok(Exit::Success)
}
