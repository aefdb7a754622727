//! What a line sends: a text with its escapes, generators and kept values put in.

use super::captures::{Captured, Captures};
use super::expect::Names;
use super::scan::{self, Angle, PatternError};
use super::segment::{self, Mode};
use crate::notation::{Binary, Text};

/// A text that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The text is wrong in itself.
    #[error(transparent)]
    Malformed(#[from] PatternError),
    /// A name that holds nothing.
    #[error("nothing was kept under the name `{0}`")]
    Unknown(String),
    /// Bytes that are free.
    #[error("`<Buffer ...>` can be expected, not sent")]
    Free,
}

/// The bytes of a packet, a body or a frame. `<#>` stands for `repetition`; kept values are put in as they fit:
/// in JSON as a value, in a string without its quotes, elsewhere as a text.
pub fn render(text: &Text, repetition: u32, captures: &Captures) -> Result<Vec<u8>, RenderError> {
    write(text, Mode::Packet, repetition, captures)
}

/// The bytes of a text in which brackets and quotes are nothing special: a target, the value of a header, raw bytes.
/// Kept values are put in as texts.
pub fn render_plain(text: &Text, repetition: u32, captures: &Captures) -> Result<Vec<u8>, RenderError> {
    write(text, Mode::Plain, repetition, captures)
}

/// The bytes of a binary packet, frame or body.
pub fn render_binary(binary: &Binary) -> Result<Vec<u8>, RenderError> {
    match binary {
        Binary::Bytes(bytes) => Ok(bytes.clone()),
        Binary::Repeat { count, bytes } => Ok(bytes.repeat(*count as usize)),
        Binary::Any => Err(RenderError::Free),
    }
}

/// Checks a text that is to be sent, and says which names it uses.
pub fn check_template(text: &Text) -> Result<Names, PatternError> {
    let expanded = scan::outline(&text.0)?;
    let mut names = Vec::new();
    let mut at = 0;
    let mut sink = Vec::new();
    while let Some((next, angle)) = piece(&expanded.text, at, &mut sink).map_err(|e| expanded.blame(e))? {
        if let Some(angle) = angle {
            if matches!(angle, Angle::Wild(_) | Angle::Keep(..)) {
                let error = PatternError::new(at, next, "what is free cannot be sent")
                    .expected("the very value; where it is text, write `<` as `\\x3c`");
                return Err(expanded.blame(error));
            }
            names.push((angle, at, next));
        }
        at = next;
        sink.clear();
    }
    Ok(Names::new(names, &expanded))
}

/// Where in a text a kept value is put in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Value,
    String,
}

fn write(text: &Text, mode: Mode, repetition: u32, captures: &Captures) -> Result<Vec<u8>, RenderError> {
    let expanded = scan::expand(&text.0)?;
    let mut out = Vec::with_capacity(expanded.text.len());
    let (mut at, mut place) = (0, Place::Text);
    while let Some((next, angle)) = piece(&expanded.text, at, &mut out).map_err(|e| expanded.blame(e))? {
        match angle {
            None if mode == Mode::Packet => place = after(place, expanded.text.as_bytes()[at]),
            None => {}
            Some(Angle::Counter) => out.extend_from_slice(repetition.to_string().as_bytes()),
            Some(Angle::Ref(name)) => {
                let value = captures.get(&name).ok_or(RenderError::Unknown(name))?;
                out.extend_from_slice(put_in(value, place).as_bytes());
            }
            Some(Angle::Wild(_) | Angle::Keep(..)) => {
                let error = PatternError::new(at, next, "what is free cannot be sent");
                return Err(expanded.blame(error).into());
            }
        }
        at = next;
    }
    Ok(out)
}

fn put_in(value: &Captured, place: Place) -> String {
    match place {
        Place::Text => value.as_text(),
        Place::Value => value.as_json(),
        Place::String => value.in_json_string(),
    }
}

/// The place behind a literal byte.
fn after(place: Place, byte: u8) -> Place {
    match (place, byte) {
        (Place::Text, b'[' | b'{') => Place::Value,
        (Place::Text | Place::Value, b'"') => Place::String,
        (Place::String, b'"') => Place::Value,
        _ => place,
    }
}

/// The next literal bytes, which go to `out`, or the next pattern; and where it ends. `None` at the end.
fn piece(text: &str, at: usize, out: &mut Vec<u8>) -> Result<Option<(usize, Option<Angle>)>, PatternError> {
    let bytes = text.as_bytes();
    let Some(first) = bytes.get(at) else {
        return Ok(None);
    };
    match first {
        b'\\' => Ok(Some((at + segment::backslash(text, at, out)?, None))),
        b'<' => match scan::angle(text, at)? {
            Some((angle, end)) => Ok(Some((end, Some(angle)))),
            None => {
                out.push(b'<');
                Ok(Some((at + 1, None)))
            }
        },
        b'[' | b'{' | b'"' => {
            out.push(*first);
            Ok(Some((at + 1, None)))
        }
        _ => {
            let special = |byte: &u8| matches!(byte, b'<' | b'\\' | b'[' | b'{' | b'"');
            let len = bytes[at..].iter().position(special).unwrap_or(text.len() - at);
            out.extend_from_slice(&bytes[at..at + len]);
            Ok(Some((at + len, None)))
        }
    }
}
