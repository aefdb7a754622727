//! What is wrong with a case file, where, and what was expected there.

use super::piece::Fault;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;

/// One error of a case file, with the line that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The first character that is wrong, from 1.
    pub column: u32,
    /// How many characters are wrong, at least 1.
    pub len: u32,
    /// What is wrong, a sentence without a capital and a full stop.
    pub message: String,
    /// What would have been right there.
    pub expected: Option<String>,
    /// The `each` values that were put in, e.g. `with query = ?EIO=4`.
    pub with: Option<String>,
    /// The line as it was read (with the values put in); the part around the error of a very long one.
    pub source: String,
    /// Where `source` begins in the line, in characters.
    skipped: u32,
}

/// The longest part of a line that a diagnostic keeps, in characters.
const KEPT: usize = 400;

impl Diagnostic {
    pub(super) fn new(file: &str, line: u32, source: &str, fault: Fault) -> Self {
        let start = floor_boundary(source, fault.start);
        let end = floor_boundary(source, fault.end.max(start));
        let column = source[..start].chars().count();
        let len = source[start..end].chars().count();
        let skipped = column.saturating_sub(KEPT / 4);
        let kept: String = source.chars().skip(skipped).take(KEPT).collect();
        Self {
            file: file.to_owned(),
            line,
            column: as_u32(column + 1),
            len: as_u32(len.max(1)),
            message: fault.message,
            expected: fault.expected,
            with: None,
            source: kept,
            skipped: as_u32(skipped),
        }
    }

    /// An error in any text file of the suite: `span` are the bytes of `text` that are wrong. Only what stands in
    /// their first line is underlined.
    pub(crate) fn of_text(
        file: &str,
        text: &str,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
        expected: Option<String>,
    ) -> Self {
        let at = floor_boundary(text, span.start);
        let start = text[..at].rfind('\n').map_or(0, |line_feed| line_feed + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let number = text[..start].matches('\n').count() + 1;
        let end = (span.end.max(at) - start).min(line.len());
        let fault = Fault {
            start: at - start,
            end,
            message: message.into(),
            expected,
        };
        Self::new(file, as_u32(number), line, fault)
    }

    /// The error as a compiler would show it: the line, the wrong part underlined, what was expected.
    /// Colours are ANSI escapes, only where `colour` asks for them.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let (start, end) = self.span();
        let mut snippet = AnnotationKind::Primary.span(start..end);
        if let Some(expected) = &self.expected {
            snippet = snippet.label(expected.as_str());
        }
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(
            Snippet::source(self.source.as_str())
                .line_start(self.line as usize)
                .path(self.file.as_str())
                .annotation(snippet),
        );
        if let Some(with) = &self.with {
            group = group.element(Level::NOTE.message(with.as_str()));
        }
        renderer.render(&[group])
    }

    /// Several errors, an empty line between them.
    pub fn render_all(diagnostics: &[Self], colour: bool) -> String {
        diagnostics
            .iter()
            .map(|d| d.render(colour))
            .collect::<Vec<_>>()
            .join("\n\n")
    }

    /// The bytes of `source` to underline.
    fn span(&self) -> (usize, usize) {
        let first = (self.column - 1).saturating_sub(self.skipped) as usize;
        let at = |n: usize| {
            self.source
                .char_indices()
                .nth(n)
                .map_or(self.source.len(), |(at, _)| at)
        };
        (at(first), at(first + self.len as usize))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, ": {expected}")?;
        }
        if let Some(with) = &self.with {
            write!(f, " ({with})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The word of `known` that is nearest to `word`, where one is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let allowed = if word.chars().count() <= 3 { 1 } else { 2 };
    known
        .into_iter()
        .map(|candidate| {
            (
                distance(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added or removed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::piece::Piece;

    #[test]
    fn a_slip_of_the_pen_has_a_nearest_word() {
        assert_eq!(nearest("titel", ["title", "rule"]), Some("title"));
        assert_eq!(nearest("Role", ["title", "role"]), Some("role"));
        assert_eq!(nearest("colour", ["title", "role"]), None);
    }

    #[test]
    fn columns_count_characters_and_long_lines_are_cut() {
        let line = format!("{}ö wrong {}", "é".repeat(1000), "x".repeat(5000));
        let start = line.find("wrong").expect("it is there");
        let piece = Piece::line(&line).slice(start, start + 5);
        let found = Diagnostic::new("a.sio", 3, &line, piece.fault("no"));
        assert_eq!((found.column, found.len), (1003, 5));
        let (from, to) = found.span();
        assert_eq!(&found.source[from..to], "wrong");
        assert!(found.source.chars().count() <= KEPT);
    }
}
