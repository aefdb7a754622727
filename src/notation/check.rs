//! Checking the texts of a script: that patterns can be read, that names are known, and that what is generated
//! stays within bounds.

use super::content::{MOST_EXPECTED, MOST_GENERATED, MOST_TRAFFIC};
use super::diagnostic::nearest;
use super::line::Suffixes;
use super::model::{At, Binary, Duration, Header, OwnAction, Text, Unit};
use super::piece::{Fault, Piece};
use crate::pattern::{self, Names, Pattern, PatternError};
use std::collections::BTreeSet;

/// What holds a value in every script.
const EVERYWHERE: [&str; 2] = ["host", "path"];

/// What holds a value after the handshake of a session script.
const OF_SESSIONS: [&str; 4] = ["sid", "pingInterval", "pingTimeout", "maxPayload"];

/// What can be counted in without being kept.
const TIMES: [&str; 3] = ["pingInterval", "pingTimeout", "connectTimeout"];

/// The words for kinds of values, which a slip of the pen may have meant.
const KINDS: [&str; 5] = ["string", "number", "int", "bool", "any"];

/// More unknown names of one text are not told.
const MOST_UNKNOWN: usize = 5;

/// What the texts so far have brought.
pub(super) struct Texts {
    known: BTreeSet<String>,
    /// How many bytes all texts come to.
    generated: u64,
    /// How many of them are patterns.
    expected: u64,
    /// How many bytes they are with the repetitions of their lines.
    traffic: u64,
}

impl Texts {
    pub(super) fn new(header: &Header) -> Self {
        let sessions: &[&str] = if header.over.is_empty() { &[] } else { &OF_SESSIONS };
        let known = EVERYWHERE
            .iter()
            .chain(sessions)
            .map(|name| (*name).to_owned())
            .collect();
        Self {
            known,
            generated: 0,
            expected: 0,
            traffic: 0,
        }
    }

    /// A packet, a text of a body, or a frame.
    pub(super) fn packet(&mut self, piece: Piece<'_>, expected: bool, repeat: u32, faults: &mut Vec<Fault>) {
        self.text(piece, expected, Pattern::compile, repeat, faults);
    }

    /// A text in which brackets and quotes are nothing special: targets, header values, codes, raw bytes.
    pub(super) fn plain(&mut self, piece: Piece<'_>, expected: bool, repeat: u32, faults: &mut Vec<Fault>) {
        self.text(piece, expected, Pattern::compile_plain, repeat, faults);
    }

    /// A report of the driver.
    pub(super) fn report(&mut self, piece: Piece<'_>, repeat: u32, faults: &mut Vec<Fault>) {
        self.text(piece, true, Pattern::compile_report, repeat, faults);
    }

    /// Bytes.
    pub(super) fn binary(
        &mut self,
        binary: &Binary,
        piece: Piece<'_>,
        expected: bool,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) {
        let size = match binary {
            Binary::Bytes(bytes) => bytes.len(),
            Binary::Repeat { count, bytes } => *count as usize * bytes.len(),
            Binary::Any if expected => 0,
            Binary::Any => {
                faults.push(
                    piece
                        .fault("any bytes cannot be sent")
                        .expected("the bytes, in hexadecimal"),
                );
                0
            }
        };
        self.count(size, false, piece, repeat, faults);
    }

    /// The names in the times of a step.
    pub(super) fn timing(&self, suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
        let Some(piece) = suffixes.timed else { return };
        let at: Vec<&Duration> = match &suffixes.timing.at {
            None => Vec::new(),
            Some(At::About(time)) => vec![time],
            Some(At::Between(from, to)) => vec![from, to],
        };
        for duration in suffixes.timing.within.iter().chain(at) {
            self.duration(duration, piece, faults);
        }
    }

    /// The names in what the player does.
    pub(super) fn own(&self, action: &OwnAction, piece: Piece<'_>, faults: &mut Vec<Fault>) {
        if let OwnAction::Wait(duration) = action {
            self.duration(duration, piece, faults);
        }
    }

    fn duration(&self, duration: &Duration, piece: Piece<'_>, faults: &mut Vec<Fault>) {
        for term in &duration.0 {
            if let Unit::Named(name) = &term.unit
                && !TIMES.contains(&name.as_str())
                && !self.known.contains(name)
            {
                faults.push(self.unknown(name, piece, &TIMES));
            }
        }
    }

    fn text(
        &mut self,
        piece: Piece<'_>,
        expected: bool,
        compile: fn(&Text) -> Result<Pattern, PatternError>,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) {
        if !self.is_within() {
            return;
        }
        let text = Text(piece.text.to_owned());
        let names = match expected {
            true => compile(&text).map(|pattern| pattern.names().clone()),
            false => pattern::check_template(&text),
        };
        match names {
            Ok(names) => {
                self.names(&names, piece, faults);
                self.count(names.size, expected, piece, repeat, faults);
            }
            Err(error) => faults.push(fault(&error, piece)),
        }
    }

    fn names(&mut self, names: &Names, piece: Piece<'_>, faults: &mut Vec<Fault>) {
        let unknown = names.used.iter().filter(|used| !self.known.contains(&used.name));
        for used in unknown.take(MOST_UNKNOWN) {
            let end = (used.offset + used.len).min(piece.text.len());
            faults.push(self.unknown(&used.name, piece.slice(used.offset, end), &KINDS));
        }
        self.known.extend(names.kept.iter().map(|kept| kept.name.clone()));
    }

    fn unknown(&self, name: &str, piece: Piece<'_>, others: &[&str]) -> Fault {
        let known = self
            .known
            .iter()
            .map(String::as_str)
            .chain(others.iter().copied());
        let expected = match nearest(name, known) {
            Some(near) => format!("did you mean `<{near}>`?"),
            None => format!(
                "a name that a line above keeps, as in `<{name}:string>`; where it is text, `\\x3c` for `<`"
            ),
        };
        piece
            .fault(format!("nothing above keeps `{name}`"))
            .expected(expected)
    }

    fn count(
        &mut self,
        size: usize,
        is_pattern: bool,
        piece: Piece<'_>,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) {
        let was_within = self.is_within();
        self.generated = self.generated.saturating_add(size as u64);
        if is_pattern {
            self.expected = self.expected.saturating_add(size as u64);
        }
        self.traffic = self
            .traffic
            .saturating_add((size as u64).saturating_mul(u64::from(repeat)));
        if was_within && !self.is_within() {
            faults.push(
                piece
                    .fault("with this line the case is too big")
                    .expected("at most 64 MiB in all texts, 16 MiB in those that are expected, and 256 MiB with their repetitions"),
            );
        }
    }

    fn is_within(&self) -> bool {
        self.generated <= MOST_GENERATED && self.expected <= MOST_EXPECTED && self.traffic <= MOST_TRAFFIC
    }
}

/// The error of a text, as one of its line.
fn fault(error: &PatternError, piece: Piece<'_>) -> Fault {
    let start = piece.offset + error.offset.min(piece.text.len());
    let end = piece.offset + (error.offset + error.len).min(piece.text.len());
    Fault {
        start,
        end,
        message: error.message.clone(),
        expected: error.expected.clone(),
    }
}
