//! `siospec show`: a case or vector and the rule it stands on.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::selecting::load;
use crate::suite::{Corpus, LoadedCase};
use anstyle::{AnsiColor, Style};
use std::io::Write as _;
use std::path::PathBuf;

/// How many cases are named where a word fits several.
const SHOWN: usize = 20;

/// The arguments of `siospec show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The id of a case, or a part of it that fits one case only; or the id of a vector
    case: String,
    /// Take the cases from a folder, or one file, instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
}

pub(super) fn show(arguments: &Show, out: &mut Output) -> Result<Exit, Failure> {
    let corpus = load(arguments.cases.as_deref())?;
    if let Some(vector) = corpus.vectors.iter().find(|vector| vector.id == arguments.case) {
        let place = format!("{}:{}", vector.path, vector.line);
        return write(
            &place,
            &vector.text,
            std::slice::from_ref(&vector.rule),
            &corpus,
            out,
        );
    }
    let case = find(&corpus, &arguments.case)?;
    write(&case.path, &case.text, &case.case.header.rules, &corpus, out)
}

/// A text with its place, and the rules that it names.
fn write(
    place: &str,
    text: &str,
    rules: &[String],
    corpus: &Corpus,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let dim = Style::new().fg_color(Some(AnsiColor::BrightBlack.into()));
    writeln!(out, "{dim}# {place}{dim:#}")?;
    write!(out, "{text}")?;
    for rule in rules.iter().filter_map(|id| corpus.rules.get(id)) {
        writeln!(out, "\n{dim}# {} ({}): {}{dim:#}", rule.id, rule.level, rule.text)?;
        let link = rule
            .link
            .as_ref()
            .map_or_else(String::new, |link| format!(" {link}"));
        writeln!(out, "{dim}# source: {}{link}{dim:#}", rule.source)?;
        writeln!(out, "{dim}# impact: {}{dim:#}", rule.impact)?;
        if let Some(note) = &rule.note {
            writeln!(out, "{dim}# note: {note}{dim:#}")?;
        }
    }
    Ok(Exit::Success)
}

/// The case of an id, with or without `each` values and ending; or the only one whose id has the word in it.
fn find<'c>(corpus: &'c Corpus, word: &str) -> Result<&'c LoadedCase, Failure> {
    let bare = word.split_once('[').map_or(word, |(id, _)| id);
    let bare = bare.strip_suffix(".sio").unwrap_or(bare);
    let bare = bare.strip_prefix("cases/").unwrap_or(bare);
    if let Some(case) = corpus.cases.iter().find(|case| case.id == bare) {
        return Ok(case);
    }
    let fitting: Vec<_> = corpus
        .cases
        .iter()
        .filter(|case| case.id.contains(bare))
        .collect();
    match fitting.as_slice() {
        [] => Err(Failure::nothing(format!(
            "there is no case `{word}`: see `siospec list`"
        ))),
        [case] => Ok(case),
        several => {
            let names: Vec<&str> = several.iter().take(SHOWN).map(|case| case.id.as_str()).collect();
            let more = match several.len() - names.len() {
                0 => String::new(),
                more => format!("\n… and {more} more: `siospec list {word}` names them"),
            };
            let message = format!(
                "`{word}` fits {} cases, say which:\n  {}{more}",
                several.len(),
                names.join("\n  ")
            );
            Err(Failure::usage(anyhow::Error::msg(message)))
        }
    }
}
