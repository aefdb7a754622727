//! Loading cases: those that are built in, or those of a directory.

use super::rules::{Level, Rules};
use super::vectors::{Codec, Vector, parse_vectors};
use crate::notation::{Case, Diagnostic, parse};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// The files below `cases/` at the time of the build: path with `/`, and text.
static BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// The file of the rules.
const RULES: &str = "rules.toml";

/// Folders deeper than this are not looked into: links may lead in circles.
const DEEPEST: usize = 16;

/// No file is read further than this, in bytes. What a case may have is less, and said by the parser.
const MOST_READ: u64 = 16 << 20;

/// A case file that was read.
#[derive(Clone, Debug)]
pub struct LoadedCase {
    /// The path below the root, with `/` and without the ending.
    pub id: String,
    /// The file, for messages.
    pub path: String,
    /// The area of its first rule.
    pub area: String,
    /// The level of its rules.
    pub level: Level,
    /// What it says. Where the header has `each`, the script is read by `expand`.
    pub case: Case,
    /// What it says, as it stands in the file.
    pub text: String,
}

/// Cases with their rules.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The cases, by id.
    pub cases: Vec<Arc<LoadedCase>>,
    /// The rules that they name.
    pub rules: Rules,
    /// The vectors for codecs, by id.
    pub vectors: Vec<Arc<Vector>>,
    /// What is wrong with files, in their order. A file with an error gives no case.
    pub diagnostics: Vec<Diagnostic>,
    /// The rules could not be read, so that no case is to blame for naming one.
    without_rules: bool,
}

/// A directory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct LoadError {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The cases and rules that are built in.
pub fn load_builtin() -> Corpus {
    let mut corpus = Corpus::default();
    match builtin_file(RULES) {
        Some(text) => corpus.add_rules(&format!("cases/{RULES}"), text),
        None => corpus.diagnostics.push(Diagnostic::of_text(
            "cases/rules.toml",
            "",
            0..0,
            "there is no such file",
            None,
        )),
    }
    for (path, text) in BUILTIN.iter().filter(|(path, _)| path.ends_with(".sio")) {
        corpus.add_case(path, &format!("cases/{path}"), text);
    }
    for name in Codec::ALL.map(table) {
        if let Some(text) = builtin_file(&name) {
            corpus.add_vectors(&format!("cases/{name}"), text);
        }
    }
    corpus.finish()
}

/// A file that is built in, by its path below `cases/`: a `.sio`, `.toml` or `.json` file.
pub fn builtin_file(path: &str) -> Option<&'static str> {
    BUILTIN
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, text)| *text)
}

/// The paths below `cases/` of the files that are built in.
pub fn builtin_files() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(path, _)| *path)
}

/// The cases of a directory, or of one file. They may name the rules that are built in and those of a `rules.toml`
/// in the directory, which win where both have one. A file that cannot be read is a diagnostic, and hides no other.
///
/// # Errors
/// Where there is no such directory or file.
pub fn load_dir(root: &Path) -> Result<Corpus, LoadError> {
    fs::metadata(root).map_err(|source| LoadError {
        path: root.to_path_buf(),
        source,
    })?;
    let mut corpus = Corpus::default();
    if let Some(text) = builtin_file(RULES) {
        corpus.add_rules(&format!("cases/{RULES}"), text);
    }
    let own = root.join(RULES);
    if own.is_file() {
        match read(&own) {
            Ok(text) => corpus.add_rules(&own.display().to_string(), &text),
            Err(diagnostic) => {
                corpus.without_rules = true;
                corpus.diagnostics.push(*diagnostic);
            }
        }
    }
    let mut files = Vec::new();
    walk(root, DEEPEST, &mut files, &mut corpus.diagnostics);
    files.sort();
    for file in files {
        let below = file
            .strip_prefix(root)
            .ok()
            .filter(|below| !below.as_os_str().is_empty());
        let name = below.map_or_else(
            || file.file_name().map(PathBuf::from),
            |below| Some(below.to_path_buf()),
        );
        let name = name.unwrap_or_default().to_string_lossy().replace('\\', "/");
        match read(&file) {
            Ok(text) => corpus.add_case(&name, &file.display().to_string(), &text),
            Err(diagnostic) => corpus.diagnostics.push(*diagnostic),
        }
    }
    for own in Codec::ALL.map(|codec| root.join(table(codec))) {
        if !own.is_file() {
            continue;
        }
        match read(&own) {
            Ok(text) => corpus.add_vectors(&own.display().to_string(), &text),
            Err(diagnostic) => corpus.diagnostics.push(*diagnostic),
        }
    }
    Ok(corpus.finish())
}

/// The case files in a directory and those below it, or the one that was named.
fn walk(path: &Path, deepest: usize, files: &mut Vec<PathBuf>, unreadable: &mut Vec<Diagnostic>) {
    if !path.is_dir() {
        return files.push(path.to_path_buf());
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return unreadable.push(not_read(path, &error)),
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                unreadable.push(not_read(path, &error));
                continue;
            }
        };
        let is_case = path.extension().is_some_and(|ending| ending == "sio");
        if is_case || deepest > 0 && path.is_dir() {
            walk(&path, deepest.saturating_sub(1), files, unreadable);
        }
    }
}

/// The text of a file; or what is wrong with it. Whoever waits at the other end of a pipe is not waited for.
fn read(path: &Path) -> Result<String, Box<Diagnostic>> {
    let name = path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| Box::new(not_read(path, &error)))?;
    if !metadata.is_file() {
        let expected = Some("a text file".to_owned());
        let diagnostic = Diagnostic::of_text(&name, "", 0..0, "this is no file", expected);
        return Err(Box::new(diagnostic));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MOST_READ).read_to_end(&mut bytes))
        .map_err(|error| Box::new(not_read(path, &error)))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
        let expected = "text in UTF-8; a byte of a script is written `\\xNN`".to_owned();
        let diagnostic = Diagnostic::of_text(&name, &text, at..end, "this byte is no text", Some(expected));
        Box::new(diagnostic)
    })
}

fn not_read(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("it cannot be read: {error}");
    Diagnostic::of_text(&path.display().to_string(), "", 0..0, message, None)
}

/// The file of a codec's vectors, below the root of cases.
fn table(codec: Codec) -> String {
    format!("codec/{}.toml", codec.word())
}

impl Corpus {
    /// The rule and the id of every vector.
    pub fn vector_rules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vectors
            .iter()
            .map(|vector| (vector.rule.as_str(), vector.id.as_str()))
    }

    fn add_vectors(&mut self, path: &str, text: &str) {
        if self.without_rules {
            return;
        }
        match parse_vectors(path, text, &self.rules) {
            Ok(vectors) => self.vectors.extend(vectors.into_iter().map(Arc::new)),
            Err(diagnostics) => self.diagnostics.extend(diagnostics),
        }
    }

    fn add_rules(&mut self, name: &str, text: &str) {
        match Rules::parse(name, text) {
            Ok(rules) => self.rules = std::mem::take(&mut self.rules).extended(rules),
            Err(diagnostics) => {
                self.without_rules = true;
                self.diagnostics.extend(diagnostics);
            }
        }
    }

    fn add_case(&mut self, name: &str, path: &str, text: &str) {
        let case = match parse(path, text) {
            Ok(case) => case,
            Err(diagnostics) => return self.diagnostics.extend(diagnostics),
        };
        match check_rules(&case, &self.rules) {
            Ok((area, level)) => {
                let id = name.strip_suffix(".sio").unwrap_or(name).to_owned();
                let loaded = LoadedCase {
                    id,
                    path: path.to_owned(),
                    area,
                    level,
                    case,
                    text: text.to_owned(),
                };
                self.cases.push(Arc::new(loaded));
            }
            Err(_) if self.without_rules => {}
            Err((id, message, expected)) => {
                let line = text.find("\nrule:").map_or(0, |at| at + 1);
                let at = text[line..].find(id.as_str()).map_or(line, |at| line + at);
                let span = at..at + id.len();
                self.diagnostics
                    .push(Diagnostic::of_text(path, text, span, message, Some(expected)));
            }
        }
    }

    /// Orders the cases, and finds those whose ids are the same on some file systems.
    fn finish(mut self) -> Self {
        self.cases.sort_by(|a, b| a.id.cmp(&b.id));
        self.vectors.sort_by(|a, b| a.id.cmp(&b.id));
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for case in &self.cases {
            if let Some(other) = seen.insert(case.id.to_lowercase(), &case.path) {
                let message = format!("{other} has the same name");
                let expected = "names that differ in more than capitals".to_owned();
                self.diagnostics.push(Diagnostic::of_text(
                    &case.path,
                    &case.text,
                    0..0,
                    message,
                    Some(expected),
                ));
            }
        }
        self
    }
}

/// The area and level of a case by its rules; or the id that is wrong, why, and what would be right.
fn check_rules(case: &Case, rules: &Rules) -> Result<(String, Level), (String, String, String)> {
    let mut found: Option<(String, Level)> = None;
    for id in &case.header.rules {
        let Some(rule) = rules.get(id) else {
            let near = crate::notation::nearest(id, rules.iter().map(|rule| rule.id.as_str()));
            let expected = near.map_or_else(
                || "an id of `rules.toml`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err((id.clone(), format!("there is no rule `{id}`"), expected));
        };
        if !rule.roles.contains(&case.header.role) {
            let role = case.header.role.word();
            let message = format!("the rule `{id}` does not bind a {role}");
            return Err((id.clone(), message, format!("a rule with the role `{role}`")));
        }
        match &found {
            None => found = Some((rule.area.clone(), rule.level)),
            Some((_, level)) if *level == rule.level => {}
            Some((_, level)) => {
                let message = format!(
                    "`{id}` has the level `{}`, the rule before it `{level}`",
                    rule.level
                );
                return Err((
                    id.clone(),
                    message,
                    "rules of one level; otherwise a case for each".to_owned(),
                ));
            }
        }
    }
    found.ok_or_else(|| {
        (
            String::new(),
            "the case names no rule".to_owned(),
            "`rule: …`".to_owned(),
        )
    })
}
