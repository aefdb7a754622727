//! `siospec report`: every report from saved results; parts merged, runs compared, the schema.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::reports::{Form, Reports, Withheld, annotate};
use crate::outcome::{RunEvent, RunResult};
use crate::report::diff::{self, Diff};
use crate::report::terminal::{Detail, Terminal};
use crate::report::{json, merge, schema, slim};
use anyhow::Context as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// How large a saved result may be, in bytes.
const LARGEST: u64 = 1 << 30;

const AFTER_HELP: &str = "\
Without a report to write, the results are shown as at the end of a run. A path of `-` is standard output.

Examples:
  siospec report result.json --html report.html
  siospec report *.json --html matrix.html --markdown - >> \"$GITHUB_STEP_SUMMARY\"
  siospec report merge part-*.json -o result.json
  siospec report diff old.json new.json      exits with 1 where something fails that did not";

/// The arguments of `siospec report`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Report {
    #[command(subcommand)]
    command: Option<Command>,
    /// Saved results, as `siospec run --report-json` writes them
    #[arg(value_name = "RESULT.json", required = true)]
    results: Vec<PathBuf>,
    /// Write one HTML page of all results, which needs no network
    #[arg(long, value_name = "PATH")]
    html: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "PATH")]
    markdown: Option<PathBuf>,
    /// Write the tables of the summary alone, in Markdown
    #[arg(long, value_name = "PATH")]
    table: Option<PathBuf>,
    /// Write JUnit XML
    #[arg(long, value_name = "PATH")]
    junit: Option<PathBuf>,
    /// Write the JSON of a shields endpoint badge; several results get a file each
    #[arg(long, value_name = "PATH")]
    badge: Option<PathBuf>,
    /// Write the results into a folder, without the transcripts of what simply passed
    #[arg(long, value_name = "DIR")]
    json: Option<PathBuf>,
    /// Leave out what should not be published yet
    #[arg(long, value_name = "WHAT")]
    withhold: Option<Withheld>,
    /// A case that is public by now, and withheld no longer
    #[arg(long, value_name = "CASE", requires = "withhold")]
    disclosed: Vec<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Put the results of the parts of a run (--partition) together
    Merge(Merge),
    /// Compare two runs: what fails now, what is fixed, what became flaky, which deviations changed
    Diff(Compare),
    /// Show the JSON Schema of a saved result
    Schema,
}

#[derive(Debug, clap::Args)]
struct Merge {
    /// The results of all parts
    #[arg(value_name = "RESULT.json", required = true)]
    parts: Vec<PathBuf>,
    /// Where to write the result
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Compare {
    /// The older result
    #[arg(value_name = "OLD.json")]
    old: PathBuf,
    /// The newer result
    #[arg(value_name = "NEW.json")]
    new: PathBuf,
    /// Write the comparison in Markdown
    #[arg(long, value_name = "PATH")]
    markdown: Option<PathBuf>,
}

/// Reads, and writes what was asked for.
pub(super) fn report(arguments: &Report, out: &mut Output) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(Command::Merge(arguments)) => merge_parts(arguments, out),
        Some(Command::Diff(arguments)) => compare(arguments, out),
        Some(Command::Schema) => {
            out.write_all(&schema::schema()?)?;
            Ok(Exit::Success)
        }
        None => write(arguments, out),
    }
}

fn write(arguments: &Report, out: &mut Output) -> Result<Exit, Failure> {
    let mut results = read_all(&arguments.results)?;
    if let Some(withheld) = arguments.withhold {
        withheld.leave_out(&mut results, &arguments.disclosed);
    }
    if arguments.json.is_some() {
        results.iter_mut().for_each(slim::slim);
    }
    let reports = open(arguments, &results).map_err(Failure::usage)?;
    if reports.is_empty() {
        show(&results, out)?;
    } else {
        reports.write(&results, out)?;
    }
    annotate(&results)?;
    Ok(Exit::Success)
}

fn open(arguments: &Report, results: &[RunResult]) -> anyhow::Result<Reports> {
    let mut reports = Reports::default();
    reports.add(Form::Html, arguments.html.as_deref())?;
    reports.add(Form::Markdown, arguments.markdown.as_deref())?;
    reports.add(Form::Table, arguments.table.as_deref())?;
    reports.add(Form::Junit, arguments.junit.as_deref())?;
    reports.add_badges(results, arguments.badge.as_deref())?;
    reports.add_results(results, arguments.json.as_deref())?;
    reports.spare(&arguments.results)?;
    Ok(reports)
}

/// Shows the results as at the end of a run.
fn show(results: &[RunResult], out: &mut Output) -> Result<(), Failure> {
    for result in results {
        let mut terminal = Terminal::new(&mut *out, Detail::default());
        let capabilities = result
            .capabilities
            .iter()
            .map(|(need, able)| (need.clone(), *able))
            .collect();
        terminal.handle(&RunEvent::Started {
            target: result.target.clone(),
            role: result.role.clone(),
            planned: result.cases.len(),
            capabilities,
        })?;
        terminal.handle(&RunEvent::Finished(Box::new(result.clone())))?;
    }
    Ok(())
}

fn merge_parts(arguments: &Merge, out: &mut Output) -> Result<Exit, Failure> {
    let parts = read_all(&arguments.parts)?;
    let merged = [merge::merge(parts).map_err(Failure::usage)?];
    let mut report = Reports::default();
    report
        .add(Form::Json(0), Some(&arguments.output))
        .and_then(|()| report.spare(&arguments.parts))
        .map_err(Failure::usage)?;
    report.write(&merged, out)?;
    Ok(Exit::Success)
}

fn compare(arguments: &Compare, out: &mut Output) -> Result<Exit, Failure> {
    let paths = [arguments.old.clone(), arguments.new.clone()];
    let results = read_all(&paths)?;
    let diff = Diff::of(&results).map_err(Failure::usage)?;
    let mut report = Reports::default();
    report
        .add(Form::Diff, arguments.markdown.as_deref())
        .and_then(|()| report.spare(&paths))
        .map_err(Failure::usage)?;
    if !report.take_stdout() {
        out.write_all(diff::text(&diff).as_bytes())?;
    }
    report.write(&results, out)?;
    Ok(if diff.is_worse() {
        Exit::Gate
    } else {
        Exit::Success
    })
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<RunResult>, Failure> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<RunResult, Failure> {
    let read = || -> anyhow::Result<RunResult> {
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        anyhow::ensure!(
            bytes.len() as u64 <= LARGEST,
            "it is larger than {} MiB",
            LARGEST >> 20
        );
        Ok(json::read(&bytes)?)
    };
    read()
        .with_context(|| format!("{} cannot be read", path.display()))
        .map_err(Failure::usage)
}
