//! The reports that a command writes: opened before the work starts, put together from results alone, then all written.

use super::output::Output;
use super::report_file::ReportFile;
use crate::outcome::RunResult;
use crate::report::diff::{self, Diff};
use crate::report::{annotations, badge, file_name, html, json, junit, markdown, withhold};
use anyhow::Context as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a report is. Badges and JSON are of one result, the one with this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json(usize),
    Badge(usize),
    Html,
    Markdown,
    /// The tables of the Markdown alone.
    Table,
    Junit,
    /// The comparison of two results, in Markdown.
    Diff,
}

/// Reports that are going to be written. Dropped before that, they leave no trace.
#[derive(Debug, Default)]
pub(super) struct Reports {
    wanted: Vec<(Form, PathBuf, Place)>,
}

#[derive(Debug)]
enum Place {
    File(ReportFile),
    Stdout,
}

impl Reports {
    /// Opens the file of a report; `-` is standard output.
    pub(super) fn add(&mut self, form: Form, path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else { return Ok(()) };
        anyhow::ensure!(
            !self.wanted.iter().any(|(_, other, _)| other == path),
            "two reports would be written to {}: expected a file for each",
            path.display()
        );
        let place = if path == Path::new("-") {
            Place::Stdout
        } else {
            Place::File(ReportFile::open(path)?)
        };
        self.wanted.push((form, path.to_owned(), place));
        Ok(())
    }

    /// A badge for each result: under the path itself where there is one, otherwise with target and role in its name.
    pub(super) fn add_badges(&mut self, results: &[RunResult], path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else { return Ok(()) };
        if let [_] = results {
            return self.add(Form::Badge(0), Some(path));
        }
        let stem = path
            .file_stem()
            .with_context(|| format!("`{}` names no file for a badge", path.display()))?;
        let ending = path
            .extension()
            .map_or_else(|| "json".into(), |ending| ending.to_string_lossy());
        for (index, result) in results.iter().enumerate() {
            let name = format!("{}-{}.{ending}", stem.to_string_lossy(), file_name(result));
            self.add(Form::Badge(index), Some(&path.with_file_name(name)))?;
        }
        Ok(())
    }

    /// Each result as JSON in a folder, under the name of its target and role.
    pub(super) fn add_results(&mut self, results: &[RunResult], folder: Option<&Path>) -> anyhow::Result<()> {
        let Some(folder) = folder else { return Ok(()) };
        for (index, result) in results.iter().enumerate() {
            self.add(
                Form::Json(index),
                Some(&folder.join(format!("{}.json", file_name(result)))),
            )?;
        }
        Ok(())
    }

    /// Whether none was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether one goes to standard output, which is then its own.
    pub(super) fn take_stdout(&self) -> bool {
        self.wanted
            .iter()
            .any(|(_, _, place)| matches!(place, Place::Stdout))
    }

    /// Fails where a report would take the place of a file that is read.
    pub(super) fn spare(&self, inputs: &[PathBuf]) -> anyhow::Result<()> {
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        for (_, path, _) in &self.wanted {
            anyhow::ensure!(
                !inputs.iter().any(|input| real(input) == real(path)),
                "{} would be read and written: expected another file for the report",
                path.display()
            );
        }
        Ok(())
    }

    /// Puts all reports together, and then writes them; nothing is written where one cannot be put together. What is of a
    /// result that there is not, since the run was interrupted before, is left out.
    pub(super) fn write(self, results: &[RunResult], out: &mut Output) -> anyhow::Result<()> {
        let mut written = Vec::new();
        for (form, _, place) in self.wanted {
            if let Form::Json(index) | Form::Badge(index) = form
                && index >= results.len()
            {
                continue;
            }
            written.push((render(form, results)?, place));
        }
        for (bytes, place) in written {
            match place {
                Place::File(file) => file.write(&bytes)?,
                Place::Stdout => out.write_all(&bytes)?,
            }
        }
        Ok(())
    }
}

fn render(form: Form, results: &[RunResult]) -> anyhow::Result<Vec<u8>> {
    Ok(match form {
        Form::Json(index) => json::write(results.get(index).context("no result")?)?,
        Form::Badge(index) => badge::badge(results.get(index).context("no result")?)?,
        Form::Html => html::page(results, html::LIMIT)?,
        Form::Markdown => markdown::summary(results, markdown::LIMIT).into_bytes(),
        Form::Table => markdown::matrix(results).into_bytes(),
        Form::Junit => junit::write(results)?,
        Form::Diff => diff::markdown(&Diff::of(results)?, markdown::LIMIT).into_bytes(),
    })
}

/// What may be left out of what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Withheld {
    /// Security and hazard cases that a target fails, and whatever brings one down
    Security,
}

impl Withheld {
    pub(super) fn leave_out(self, results: &mut [RunResult], disclosed: &[String]) {
        match self {
            Self::Security => withhold::security(results, disclosed),
        }
    }
}

/// Under GitHub Actions, writes the failures as annotations to standard error, where no report can be.
pub(super) fn annotate(results: &[RunResult]) -> anyhow::Result<()> {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        std::io::stderr()
            .lock()
            .write_all(annotations::annotations(results).as_bytes())?;
    }
    Ok(())
}
