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
    let mut cutter = Cutter {
        segments: Vec::new(),
        literal: Vec::new(),
        prefix: Prefix::Type,
    };
    let mut at = 0;
    while at < text.len() {
        let plain = text[at..]
            .find(['<', '\\', '[', '{', '"'])
            .unwrap_or(text.len() - at);
        cutter.literal(&text.as_bytes()[at..at + plain]);
        at += plain;
        let Some(next) = text.as_bytes().get(at) else {
            break;
        };
        match next {
            b'\\' => {
                let mut bytes = Vec::new();
                at += backslash(text, at, &mut bytes)?;
                cutter.literal(&bytes);
            }
            b'<' => match scan::angle(text, at)? {
                Some((angle, end)) => {
                    names.push((angle.clone(), at, end));
                    // A pattern may stand for any part of a prefix, so for a digit as well.
                    cutter.segment(Segment::Pattern(angle), cutter.prefix.after(b'0'));
                    at = end;
                }
                None => {
                    cutter.literal(b"<");
                    at += 1;
                }
            },
            _ if mode == Mode::Packet && cutter.prefix.is_packet() => {
                let (doc, end) =
                    json::read_pattern(text, at, names).map_err(|error| explain(text, at, error))?;
                cutter.segment(Segment::Json(doc, text[at..end].to_owned()), Prefix::Other);
                at = end;
                check_end(text, at)?;
            }
            other => {
                cutter.literal(&[*other]);
                at += 1;
            }
        }
    }
    Ok(cutter.finish())
}

struct Cutter {
    segments: Vec<Segment>,
    literal: Vec<u8>,
    prefix: Prefix,
}

impl Cutter {
    fn literal(&mut self, bytes: &[u8]) {
        self.literal.extend_from_slice(bytes);
        // Only a record separator leads out of `Other`.
        let start = match self.prefix {
            Prefix::Other => bytes
                .iter()
                .rposition(|byte| *byte == 0x1e)
                .unwrap_or(bytes.len()),
            _ => 0,
        };
        self.prefix = bytes[start..]
            .iter()
            .fold(self.prefix, |prefix, byte| prefix.after(*byte));
    }

    fn segment(&mut self, segment: Segment, prefix: Prefix) {
        self.flush();
        self.segments.push(segment);
        self.prefix = prefix;
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments
                .push(Segment::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self) -> Vec<Segment> {
        self.flush();
        self.segments
    }
}

/// Where in the front part of a packet a text is. JSON begins only behind that: behind the type, the number of
/// attachments, the namespace and the id. Behind anything else a bracket is literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    /// The type and the number of attachments.
    Type,
    /// Behind the `-` of the attachments.
    Attachments,
    Namespace,
    Id,
    Other,
}

impl Prefix {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (_, 0x1e) => Self::Type,
            (Self::Type, b'0'..=b'9') => Self::Type,
            (Self::Type, b'-') => Self::Attachments,
            (Self::Type | Self::Attachments, b'/') => Self::Namespace,
            (Self::Attachments | Self::Id, b'0'..=b'9') | (Self::Namespace, b',') => Self::Id,
            (Self::Namespace, _) => Self::Namespace,
            _ => Self::Other,
        }
    }

    fn is_packet(self) -> bool {
        matches!(self, Self::Type | Self::Attachments | Self::Id)
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
