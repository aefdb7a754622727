//! Why something that came is not what was expected, for a reader.

use std::fmt;

/// The first place where what came is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the JSON, such as `[1].message`; empty for the whole text.
    pub path: String,
    /// What was expected there, as the script says it.
    pub expected: String,
    /// What came there.
    pub came: String,
    /// What the reason may be, where it is one that is often met.
    pub hint: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at {}: ", self.path)?;
        }
        write!(f, "expected {}, came {}", self.expected, self.came)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

/// The most characters of a text that a message shows.
const SHOWN: usize = 160;

/// Bytes for a reader: control characters and what is not UTF-8 as `\xNN`, the middle of a long text left out.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty text".to_owned();
    }
    if bytes.len() <= 2 * SHOWN {
        return escaped(bytes);
    }
    let (start, end) = (
        escaped(&bytes[..SHOWN]),
        escaped(&bytes[bytes.len() - SHOWN / 4..]),
    );
    format!("{start}…{end} ({} bytes)", bytes.len())
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c.is_control() {
                true => c.to_string().bytes().for_each(|byte| push_hex(&mut out, byte)),
                false => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| push_hex(&mut out, *byte));
    }
    out
}

fn push_hex(out: &mut String, byte: u8) {
    out.push_str(&format!("\\x{byte:02x}"));
}

/// Where two long texts begin to differ, for those whose ends look alike in a message.
pub(super) fn first_difference(expected: &[u8], came: &[u8]) -> Option<String> {
    if expected.len().max(came.len()) <= 60 {
        return None;
    }
    let at = expected.iter().zip(came).take_while(|(a, b)| a == b).count();
    let part = |bytes: &[u8]| match bytes.get(at..bytes.len().min(at + 20)) {
        Some([]) | None => "its end".to_owned(),
        Some(part) => format!("`{}`", escaped(part)),
    };
    Some(format!(
        "the first difference is at byte {at}: {} expected, {} came",
        part(expected),
        part(came)
    ))
}

/// The hint for a text that came, where it shows one of the classic mistakes. `expected` is the pattern.
pub(super) fn classic(expected: &str, came: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&came[..came.len().min(64)]);
    let starts = |text: &str, letter: char| text.starts_with(letter);
    if text.starts_with("b4") && !expected.starts_with("b4") {
        return Some(
            "`b4` and base64 is a binary message of Engine.IO 3; protocol 4 writes `b` and base64".to_owned(),
        );
    }
    let counted = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && text[digits..].starts_with(':')
    };
    if counted(&text) && !counted(expected) {
        return Some(
            "a length and a colon before each packet is the payload of Engine.IO 3; protocol 4 separates packets by \\x1e"
                .to_owned(),
        );
    }
    if came.contains(&0x1e) && !expected.contains("\\x1e") {
        return Some(
            "\\x1e stands between the packets of an HTTP payload; here one packet was expected".to_owned(),
        );
    }
    let same_type = expected.chars().next().is_some_and(|first| starts(&text, first));
    if starts(&text, '4') && !same_type && expected.starts_with(|c: char| ('0'..='6').contains(&c)) {
        return Some(format!(
            "a message packet (`4`) came, not a packet of type `{}`",
            &expected[..1]
        ));
    }
    None
}

/// The hint for characters that follow a complete JSON value.
pub(super) fn trailing(rest: &[u8]) -> String {
    let next_packet = matches!(rest.first(), Some(b'0'..=b'6')) && rest.len() > 1;
    if next_packet {
        return "another packet follows without a \\x1e between them".to_owned();
    }
    let what = if rest.iter().all(u8::is_ascii_whitespace) {
        "white space follows"
    } else {
        "characters follow"
    };
    format!("{what} behind the JSON: {}", shown(rest))
}
