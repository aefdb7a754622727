//! `siospec rules`: which rules there are, and which of them a case covers.

use super::exit::{Exit, Failure};
use super::list::Format;
use super::output::Output;
use super::selecting::{self, load};
use crate::notation::Role;
use crate::suite::{Counts, Coverage, Level, Row, Rule, State};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

/// The arguments of `siospec rules`.
#[derive(Debug, clap::Args)]
pub(super) struct RulesCommand {
    /// Only rules that bind this role: server, client or codec
    #[arg(long, value_parser = selecting::role)]
    role: Option<Role>,
    /// `json` gives every rule with its cases
    #[arg(long, default_value = "text")]
    format: Format,
    /// Take the cases from a folder, or one file, instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
}

/// A rule for one role, as data.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a str,
    role: &'a str,
    area: &'a str,
    level: &'a str,
    text: &'a str,
    source: &'a str,
    link: Option<&'a str>,
    impact: &'a str,
    not_coverable: Option<&'a str>,
    cases: &'a [String],
}

pub(super) fn rules(arguments: &RulesCommand, out: &mut Output) -> Result<Exit, Failure> {
    let corpus = load(arguments.cases.as_deref())?;
    let mut coverage = Coverage::of(&corpus, corpus.vector_rules());
    coverage
        .rows
        .retain(|row| arguments.role.is_none_or(|role| role == row.role));
    if coverage.rows.is_empty() {
        return Err(Failure::nothing("there is no such rule".to_owned()));
    }
    match arguments.format {
        Format::Json => {
            let listed: Vec<Listed<'_>> = coverage.rows.iter().map(listed).collect();
            serde_json::to_writer_pretty(&mut *out, &listed)?;
            writeln!(out)?;
        }
        Format::Text => table(&coverage, out)?,
    }
    Ok(Exit::Success)
}

fn listed(row: &Row) -> Listed<'_> {
    Listed {
        id: &row.rule.id,
        role: row.role.word(),
        area: &row.rule.area,
        level: row.rule.level.word(),
        text: &row.rule.text,
        source: &row.rule.source,
        link: row.rule.link.as_deref(),
        impact: &row.rule.impact,
        not_coverable: row.rule.not_coverable.as_deref(),
        cases: &row.cases,
    }
}

/// How many are covered, not coverable, and there in all, for each area and level; then why, and what is not covered.
fn table(coverage: &Coverage, out: &mut Output) -> std::io::Result<()> {
    let counts = coverage.counts();
    let mut areas: BTreeMap<&str, BTreeMap<Level, Counts>> = BTreeMap::new();
    for ((area, level), number) in &counts {
        areas.entry(area).or_default().insert(*level, *number);
    }
    let width = areas
        .keys()
        .map(|area| area.chars().count())
        .max()
        .unwrap_or(0)
        .max("total".len());
    writeln!(out, "covered / not coverable / all, by the level of the rule\n")?;
    write!(out, "{:width$}", "area")?;
    for level in Level::ALL {
        write!(out, "  {:>13}", level.word())?;
    }
    writeln!(out)?;
    for (area, levels) in &areas {
        row(out, width, area, |level| {
            levels.get(&level).copied().unwrap_or_default()
        })?;
    }
    row(out, width, "total", |level| {
        let of_level = counts.iter().filter(|((_, of), _)| *of == level);
        of_level.fold(Counts::default(), |sum, (_, more)| Counts {
            covered: sum.covered + more.covered,
            not_coverable: sum.not_coverable + more.not_coverable,
            uncovered: sum.uncovered + more.uncovered,
        })
    })?;
    listing(
        coverage,
        State::NotCoverable,
        "not coverable:",
        |rule| rule.not_coverable.as_deref().unwrap_or_default(),
        out,
    )?;
    listing(
        coverage,
        State::Uncovered,
        "without a case:",
        |rule| &rule.text,
        out,
    )
}

/// The rules of a state, and what is to be said of each.
fn listing(
    coverage: &Coverage,
    state: State,
    title: &str,
    about: impl Fn(&Rule) -> &str,
    out: &mut Output,
) -> std::io::Result<()> {
    let rows: Vec<&Row> = coverage.rows.iter().filter(|row| row.state() == state).collect();
    if !rows.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    for row in rows {
        let (role, level) = (row.role.word(), row.rule.level);
        writeln!(out, "  {} ({role}, {level}): {}", row.rule.id, about(&row.rule))?;
    }
    Ok(())
}

fn row(out: &mut Output, width: usize, name: &str, counts: impl Fn(Level) -> Counts) -> std::io::Result<()> {
    write!(out, "{name:width$}")?;
    for level in Level::ALL {
        let of = counts(level);
        let all = of.covered + of.not_coverable + of.uncovered;
        let text = if all == 0 {
            "·".to_owned()
        } else {
            format!("{}/{}/{all}", of.covered, of.not_coverable)
        };
        write!(out, "  {text:>13}")?;
    }
    writeln!(out)
}
