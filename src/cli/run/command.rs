//! `siospec run` itself: a target in each of its roles, then the reports and the exit code.

use super::arguments::{Run, Showing};
use super::prepared::Prepared;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::reports::{Form, Reports, annotate};
use crate::notation::Role;
use crate::outcome::Gate;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Tests a target in each of its roles, shows and writes what came out.
pub(in crate::cli) fn run(arguments: &Run, out: &mut Output) -> Result<Exit, Failure> {
    let prepared = Prepared::of(arguments)?;
    let roles: Vec<Role> = prepared.iter().map(Prepared::role).collect();
    let reports = arguments.showing.open(&roles).map_err(Failure::usage)?;
    let mut nowhere = Output::new(anstream::ColorChoice::Never).silenced();
    let mut results = Vec::new();
    for prepared in prepared {
        let shown = if reports.take_stdout() {
            &mut nowhere
        } else {
            &mut *out
        };
        if !results.is_empty() && !arguments.showing.quiet {
            writeln!(shown)?;
        }
        let result = prepared.play(shown)?;
        let interrupted = result.interrupted;
        results.push(result);
        if interrupted {
            break;
        }
    }
    reports.write(&results, out)?;
    annotate(&results)?;
    Ok(if results.iter().any(|result| result.interrupted) {
        Exit::Interrupted
    } else if results.iter().any(|result| result.gate == Gate::Fail) {
        Exit::Gate
    } else {
        Exit::Success
    })
}

impl Showing {
    /// Opens the reports of results of these roles. JSON and a badge are of one result: the first has the path itself, the
    /// others have their role in the name.
    fn open(&self, roles: &[Role]) -> anyhow::Result<Reports> {
        let mut reports = Reports::default();
        for (index, role) in roles.iter().enumerate() {
            let named = |path: &Option<PathBuf>| {
                let path = path.as_deref()?;
                Some(if index == 0 {
                    path.to_owned()
                } else {
                    with_role(path, *role)
                })
            };
            reports.add(Form::Json(index), named(&self.report_json).as_deref())?;
            reports.add(Form::Badge(index), named(&self.report_badge).as_deref())?;
        }
        reports.add(Form::Junit, self.report_junit.as_deref())?;
        reports.add(Form::Html, self.report_html.as_deref())?;
        reports.add(Form::Markdown, self.report_markdown.as_deref())?;
        Ok(reports)
    }
}

/// `out.json` as `out-client.json`; standard output stays what it is.
fn with_role(path: &Path, role: Role) -> PathBuf {
    if path == Path::new("-") {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(ending) => format!("{stem}-{}.{}", role.word(), ending.to_string_lossy()),
        None => format!("{stem}-{}", role.word()),
    };
    path.with_file_name(name)
}
