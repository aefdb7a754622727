//! A text cut into what it is made of: literal bytes, patterns, and JSON.

use super::json::{self, Doc, Named};
use super::scan::{self, Angle, Expanded, PatternError};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// These bytes.
    Literal(Vec<u8>),
    /// A wildcard, a value that is kept, a kept value, or the counter.
    Pattern(Angle),
    /// A JSON value, and its text for messages.
    Json(Doc, String),
}

/// Whether brackets and quotes begin JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They do: packets, bodies, frames.
    Packet,
    /// They are nothing special: targets, header values, codes, raw bytes.
    Plain,
}

/// Cuts a text. Its patterns are added to `names`, with their places in the expanded text.
pub(super) fn cut(
    expanded: &Expanded,
    mode: Mode,
    names: &mut Vec<Named>,
) -> Result<Vec<Segment>, PatternError> {
    let text = expanded.text.as_str();
    let mut segments = Vec::new();
    let mut literal: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let plain = text[at..]
            .find(['<', '\\', '[', '{', '"'])
            .unwrap_or(text.len() - at);
        literal.extend_from_slice(&text.as_bytes()[at..at + plain]);
        at += plain;
        let Some(next) = text.as_bytes().get(at) else {
            break;
        };
        match next {
            b'\\' => at += backslash(text, at, &mut literal)?,
            b'<' => match scan::angle(text, at)? {
                Some((angle, end)) => {
                    flush(&mut segments, &mut literal);
                    names.push((angle.clone(), at, end));
                    segments.push(Segment::Pattern(angle));
                    at = end;
                }
                None => {
                    literal.push(b'<');
                    at += 1;
                }
            },
            _ if mode == Mode::Packet => {
                flush(&mut segments, &mut literal);
                let (doc, end) =
                    json::read_pattern(text, at, names).map_err(|error| explain(text, at, error))?;
                segments.push(Segment::Json(doc, text[at..end].to_owned()));
                at = end;
                check_end(text, at)?;
            }
            other => {
                literal.push(*other);
                at += 1;
            }
        }
    }
    flush(&mut segments, &mut literal);
    Ok(segments)
}

fn flush(segments: &mut Vec<Segment>, literal: &mut Vec<u8>) {
    if !literal.is_empty() {
        segments.push(Segment::Literal(std::mem::take(literal)));
    }
}

/// Takes `\xNN` as a byte, any other backslash with the character behind it as they are. Says how long that is.
pub(super) fn backslash(text: &str, at: usize, literal: &mut Vec<u8>) -> Result<usize, PatternError> {
    if let Some(byte) = scan::escape(text, at)? {
        literal.push(byte);
        return Ok(4);
    }
    let len = 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
    literal.extend_from_slice(&text.as_bytes()[at..at + len]);
    Ok(len)
}

/// A bracket that was perhaps not meant as JSON.
fn explain(text: &str, at: usize, error: PatternError) -> PatternError {
    let byte = text.as_bytes()[at];
    let literal = format!(
        "where `{}` begins no JSON, it is written `\\x{byte:02x}`",
        byte as char
    );
    let expected = match &error.expected {
        Some(expected) => format!("{expected}; {literal}"),
        None => literal,
    };
    error.expected(expected)
}

/// Behind JSON a text ends, or goes on with a byte such as the record separator.
fn check_end(text: &str, at: usize) -> Result<(), PatternError> {
    if at == text.len() || text[at..].starts_with("\\x") {
        return Ok(());
    }
    Err(
        PatternError::new(at, text.len(), "the text goes on behind its JSON").expected(
            "its end, or `\\x1e` and the next packet; characters that do follow are begun with `\\xNN`",
        ),
    )
}
