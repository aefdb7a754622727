//! `siospec baseline write`: the list of what a target fails today, as a list of known failures.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::report_file::ReportFile;
use super::run::{Prepared, Run};
use crate::report::count;
use crate::run::known_list;
use crate::target::load_known;
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
    /// The file to write: it is given to `siospec run` as --known, or its tables are put into target.toml. The reasons and links
    /// of a list that is there already are kept
    #[arg(short, long, value_name = "FILE", default_value = "known.toml")]
    output: PathBuf,
    #[command(flatten)]
    run: Run,
}

pub(super) fn write(arguments: &Write, out: &mut Output) -> Result<Exit, Failure> {
    let prepared = Prepared::one(&arguments.run)?.without_known();
    let earlier = if arguments.output.is_file() {
        load_known(&arguments.output).map_err(Failure::usage)?
    } else {
        Vec::new()
    };
    let file = ReportFile::open(&arguments.output).map_err(Failure::usage)?;
    let result = prepared.play(out)?;
    if result.interrupted {
        return Ok(Exit::Interrupted);
    }
    let list = known_list(&result, arguments.run.is_strict(), &earlier);
    file.write(list.text.as_bytes())?;
    writeln!(
        out,
        "{} {} written to {}",
        count(list.entries, "known failure", "known failures"),
        if list.entries == 1 { "is" } else { "are" },
        arguments.output.display()
    )?;
    Ok(Exit::Success)
}
