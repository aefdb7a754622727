//! What a line expects: a text read once, and matched with what came.

use super::captures::Captures;
use super::json::Named;
use super::mismatch::{self, Mismatch};
use super::report::{self, Argument};
use super::scan::{self, Angle, PatternError};
use super::search::{self, Env};
use super::segment::{self, Mode, Segment};
use crate::notation::{Binary, Text};
use std::collections::BTreeSet;

/// What a line expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    form: Form,
    names: Names,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Text(Vec<Segment>),
    Report { arguments: Vec<Argument>, open: bool },
}

/// The names that a text keeps and uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// What `<name:type>` keeps.
    pub kept: Vec<Name>,
    /// What `<name>` asks for and the same text does not keep before.
    pub used: Vec<Name>,
    /// Whether `<#>` stands in it.
    pub counts: bool,
    /// How many bytes the text comes to with all that it generates.
    pub size: usize,
}

/// A name and where it stands in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Where its pattern begins.
    pub offset: usize,
    /// How long its pattern is.
    pub len: usize,
}

impl Pattern {
    /// Reads what is expected of a packet, a body or a frame: where a bracket or a quote begins, JSON begins.
    pub fn compile(text: &Text) -> Result<Self, PatternError> {
        Self::of_text(text, Mode::Packet)
    }

    /// Reads what is expected of a text in which brackets and quotes are nothing special: a target, the value of
    /// a header, a status, a close code, raw bytes.
    pub fn compile_plain(text: &Text) -> Result<Self, PatternError> {
        Self::of_text(text, Mode::Plain)
    }

    /// Reads what is expected of a report of the driver: `word argument…`, where an argument is JSON or one word.
    pub fn compile_report(text: &Text) -> Result<Self, PatternError> {
        let expanded = scan::expand(&text.0)?;
        let mut names = Vec::new();
        let read = report::compile(&expanded, &mut names).map_err(|error| expanded.blame(error))?;
        let (arguments, open) = read;
        Ok(Self {
            source: text.0.clone(),
            form: Form::Report { arguments, open },
            names: Names::new(names, &expanded),
        })
    }

    fn of_text(text: &Text, mode: Mode) -> Result<Self, PatternError> {
        let expanded = scan::expand(&text.0)?;
        let mut names = Vec::new();
        let segments = segment::cut(&expanded, mode, &mut names).map_err(|error| expanded.blame(error))?;
        Ok(Self {
            source: text.0.clone(),
            form: Form::Text(segments),
            names: Names::new(names, &expanded),
        })
    }

    /// The names that the pattern keeps and uses.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether `came` is what is expected. `<#>` stands for `repetition`. What the pattern keeps goes to
    /// `captures`, but only when all of it fits.
    pub fn matches(
        &self,
        came: impl AsRef<[u8]>,
        repetition: u32,
        captures: &mut Captures,
    ) -> Result<(), Mismatch> {
        let came = came.as_ref();
        let mut env = Env::new(repetition, captures, came.len());
        match &self.form {
            Form::Text(segments) => search::run(segments, came, &mut env)
                .map_err(|failure| search::explain(failure, &self.source, came))?,
            Form::Report { arguments, open } => report::run(arguments, *open, &self.source, came, &mut env)?,
        }
        let kept = env.kept;
        for (name, value) in kept {
            captures.set(name, value);
        }
        Ok(())
    }
}

impl Names {
    pub(super) fn new(found: Vec<Named>, expanded: &scan::Expanded) -> Self {
        let mut names = Self {
            size: expanded.size,
            ..Self::default()
        };
        let mut kept = BTreeSet::new();
        for (angle, start, end) in found {
            let offset = expanded.origin(start);
            let len = expanded.origin(end).max(offset + 1) - offset;
            match angle {
                Angle::Keep(name, _) => {
                    kept.insert(name.clone());
                    names.kept.push(Name { name, offset, len });
                }
                Angle::Ref(name) if !kept.contains(&name) => names.used.push(Name { name, offset, len }),
                Angle::Counter => names.counts = true,
                Angle::Wild(_) | Angle::Ref(_) => {}
            }
        }
        names
    }
}

/// Whether these are the expected bytes of a binary packet, frame or body.
pub fn match_binary(expected: &Binary, came: &[u8]) -> Result<(), Mismatch> {
    let (unit, count) = match expected {
        Binary::Any => return Ok(()),
        Binary::Bytes(bytes) => (bytes.as_slice(), 1),
        Binary::Repeat { count, bytes } => (bytes.as_slice(), *count as usize),
    };
    let len = unit.len() * count;
    let same = came
        .iter()
        .zip(unit.iter().cycle())
        .take(len)
        .take_while(|(a, b)| a == b)
        .count();
    if same == len && came.len() == len {
        return Ok(());
    }
    let prefixed =
        came.len() == len + 1 && came[0] == 4 && came[1..].iter().eq(unit.iter().cycle().take(len));
    let hint = match prefixed {
        true => {
            "the first byte is the packet type of Engine.IO 3; protocol 4 sends binary as it is".to_owned()
        }
        false if came.len() == len => format!("the first difference is at byte {same}"),
        false => format!(
            "{} bytes came, {len} were expected; the first difference is at byte {same}",
            came.len()
        ),
    };
    let expected = unit.iter().cycle().take(len.min(40)).copied().collect::<Vec<_>>();
    Err(Mismatch {
        path: String::new(),
        expected: hex(&expected, len),
        came: hex(came, came.len()),
        hint: Some(hint),
    })
}

/// `<Buffer 01 02>`, the end of a long one left out.
fn hex(bytes: &[u8], len: usize) -> String {
    let shown: String = bytes.iter().take(32).map(|byte| format!(" {byte:02x}")).collect();
    match len > 32 {
        true => format!("<Buffer{shown} …> ({len} bytes)"),
        false => format!("<Buffer{shown}>"),
    }
}

/// A text that came or is expected, as messages show it: control characters as `\xNN`, the middle of a long one
/// left out.
pub fn shown(bytes: &[u8]) -> String {
    mismatch::shown(bytes)
}
