//! Options by which cases are selected, shared by the commands that speak of cases.

use super::exit::Failure;
use super::target_argument::ArgumentError;
use crate::notation::{Diagnostic, Over, Role};
use crate::suite::{
    Corpus, Level, Partition, Selected, Selection, Trial, Vector, expand, load_builtin, load_dir,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// How many errors of case files are shown where one of each file is fewer, and how many at most.
const SHOWN: usize = 20;
const MOST_SHOWN: usize = 100;

/// Which cases.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which cases")]
pub(super) struct Selecting {
    /// Take the cases from a folder, or one file, instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(super) cases: Option<PathBuf>,
    /// Who is tested: server, client or codec; without it what the target is, and of the reference server and client
    #[arg(long, value_parser = role)]
    pub(super) role: Option<Role>,
    /// Only cases of this rule; `*` stands for any text
    #[arg(long = "rule", value_name = "RULE")]
    pub(super) rules: Vec<String>,
    /// Only over this transport: websocket, polling or upgraded
    #[arg(long, value_parser = over, value_name = "TRANSPORT", value_delimiter = ',')]
    pub(super) over: Vec<Over>,
    /// Only rules of this level: must, security, should, may, reference or informational
    #[arg(long = "level", value_parser = level, value_name = "LEVEL", value_delimiter = ',')]
    pub(super) levels: Vec<Level>,
    /// Only one of several parts, the same on every machine
    #[arg(long, value_name = "hash:K/N")]
    pub(super) partition: Option<Partition>,
}

impl Selecting {
    /// Loads the cases and selects from them.
    ///
    /// # Errors
    /// Where a file is wrong, a pattern matches nothing, or nothing is left.
    pub(super) fn select(&self, patterns: &[String]) -> Result<(Corpus, Vec<Trial>), Failure> {
        refuse_empty(patterns)?;
        let corpus = load(self.cases.as_deref())?;
        let all = trials(&corpus)?;
        let Selected { trials, unmatched } = self.selection(patterns).select(all);
        if !unmatched.is_empty() {
            return Err(self.nothing(patterns, &unmatched));
        }
        if trials.is_empty() {
            return Err(Failure::nothing(
                "no case fits all that was asked for: see `siospec list`".to_owned(),
            ));
        }
        Ok((corpus, trials))
    }

    /// Loads the vectors and selects from them.
    ///
    /// # Errors
    /// Where a file is wrong, a pattern matches nothing, or nothing is left.
    pub(super) fn select_vectors(&self, patterns: &[String]) -> Result<(Corpus, Vec<Arc<Vector>>), Failure> {
        refuse_empty(patterns)?;
        let corpus = load(self.cases.as_deref())?;
        let (vectors, unmatched) = self.selection(patterns).select_vectors(&corpus.vectors);
        if !unmatched.is_empty() {
            return Err(self.nothing(patterns, &unmatched));
        }
        if vectors.is_empty() {
            return Err(Failure::nothing(
                "no vector fits all that was asked for: see `siospec list --role codec`".to_owned(),
            ));
        }
        Ok((corpus, vectors))
    }

    fn selection(&self, patterns: &[String]) -> Selection {
        Selection {
            patterns: patterns.to_vec(),
            rules: self.rules.clone(),
            over: self.over.clone(),
            levels: self.levels.clone(),
            role: self.role,
            partition: self.partition,
        }
    }

    /// What matches nothing, and where to look for what there is.
    fn nothing(&self, patterns: &[String], unmatched: &[String]) -> Failure {
        let (what, role) = match self.role {
            None => ("case", ""),
            Some(Role::Server) => ("case of a server", " --role server"),
            Some(Role::Client) => ("case of a client", " --role client"),
            Some(Role::Codec) => ("vector", " --role codec"),
        };
        let mut message = String::new();
        for word in unmatched {
            if patterns.contains(word) {
                message.push_str(&format!("`{word}` matches no {what}{}\n", hint(word)));
            } else {
                message.push_str(&format!("no {what} stands on a rule `{word}`\n"));
            }
        }
        let shows = match unmatched.iter().all(|word| patterns.contains(word)) {
            true => "list",
            false => "rules",
        };
        message.push_str(&format!("`siospec {shows}{role}` shows what there is"));
        Failure::nothing(message)
    }

    /// Whether every case of the role is selected.
    pub(super) fn is_whole(&self, patterns: &[String]) -> bool {
        patterns.is_empty()
            && self.cases.is_none()
            && self.rules.is_empty()
            && self.over.is_empty()
            && self.levels.is_empty()
            && self.partition.is_none()
    }
}

/// The built-in cases, or those of a folder.
///
/// # Errors
/// Where it cannot be read, or a file in it is wrong.
pub(super) fn load(folder: Option<&std::path::Path>) -> Result<Corpus, Failure> {
    let corpus = match folder {
        Some(folder) => load_dir(folder).map_err(Failure::usage)?,
        None => load_builtin(),
    };
    if corpus.diagnostics.is_empty() {
        Ok(corpus)
    } else {
        Err(wrong(&corpus.diagnostics))
    }
}

/// All trials of a corpus.
///
/// # Errors
/// Where a case is wrong once its values are put in.
pub(super) fn trials(corpus: &Corpus) -> Result<Vec<Trial>, Failure> {
    let mut trials = Vec::new();
    for case in &corpus.cases {
        trials.append(&mut expand(case).map_err(|diagnostics| wrong(&diagnostics))?);
    }
    Ok(trials)
}

/// The first errors of each file, so that none hides another.
fn wrong(diagnostics: &[Diagnostic]) -> Failure {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics {
        seen.insert(&diagnostic.file, 0);
    }
    let of_each = (SHOWN / seen.len().max(1)).max(1);
    let mut shown = Vec::new();
    for diagnostic in diagnostics {
        let of_file = seen.entry(&diagnostic.file).or_default();
        *of_file += 1;
        if *of_file <= of_each && shown.len() < MOST_SHOWN {
            shown.push(diagnostic.clone());
        }
    }
    let mut message = Diagnostic::render_all(&shown, true);
    match diagnostics.len() - shown.len() {
        0 => {}
        1 => message.push_str("\n\n… and 1 more error"),
        more => message.push_str(&format!("\n\n… and {more} more errors")),
    }
    Failure::usage(anyhow::Error::msg(message))
}

/// An empty pattern is part of every id, and was meant for none.
fn refuse_empty(patterns: &[String]) -> Result<(), Failure> {
    if patterns.iter().any(String::is_empty) {
        return Err(Failure::usage(ArgumentError::Empty));
    }
    Ok(())
}

/// What else the word may have been meant for.
fn hint(word: &str) -> &'static str {
    match std::path::Path::new(word) {
        path if path.is_dir() => "; it is a folder, but without a target.toml",
        path if path.is_file() => {
            "; it is a file, but no target.toml: a command that starts a target stands after `--`, and cases of your own are named by --cases"
        }
        _ if word.contains("://") => "; one target is tested at a time, named first",
        _ => "",
    }
}

pub(super) fn role(word: &str) -> Result<Role, String> {
    let all = [Role::Server, Role::Client, Role::Codec];
    let found = all.into_iter().find(|role| role.word() == word);
    found.ok_or_else(|| "expected server, client or codec".to_owned())
}

fn over(word: &str) -> Result<Over, String> {
    let all = [Over::WebSocket, Over::Polling, Over::Upgraded];
    let found = all.into_iter().find(|over| over.word() == word);
    found.ok_or_else(|| "expected websocket, polling or upgraded".to_owned())
}

fn level(word: &str) -> Result<Level, String> {
    let words = Level::ALL.map(Level::word).join(", ");
    Level::of(word).ok_or_else(|| format!("expected one of {words}"))
}
