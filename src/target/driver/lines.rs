//! The lines of a driver: bounded, and JSON objects each.

use serde_json::Value;
use std::borrow::Cow;
use std::io::BufRead as _;
use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStdout;

/// The longest line that a driver may write, in bytes.
pub(super) const LONGEST_LINE: usize = 32 << 20;

/// How much is read at once, in bytes: what a few requests are answered with.
const READ: usize = 256 << 10;
/// The most memory of a line that is kept for further ones, in bytes.
const MOST_SPARE: usize = 1 << 20;
/// Of so many lines.
const SPARES: usize = 8;

/// The standard output of a driver, line by line.
#[derive(Debug)]
pub(in crate::target) struct Lines {
    stdout: ChildStdout,
    buffer: Vec<u8>,
    /// Memory of lines that are of no use any more.
    spare: Vec<Vec<u8>>,
}

/// Why there is no further line.
#[derive(Debug)]
pub(super) enum LineError {
    Closed,
    TooLong,
}

impl Lines {
    pub(super) fn new(stdout: ChildStdout) -> Self {
        Self {
            stdout,
            buffer: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Where they come from.
    #[cfg(target_os = "linux")]
    pub(super) fn stdout(&self) -> &ChildStdout {
        &self.stdout
    }

    /// Takes the memory of a line back: to ask for so much at once again and again is slow.
    pub(super) fn reuse(&mut self, line: String) {
        if line.capacity() <= MOST_SPARE && self.spare.len() < SPARES {
            let mut spare = line.into_bytes();
            spare.clear();
            self.spare.push(spare);
        }
    }

    /// The next line, without its end. May be cancelled: what was read is kept.
    pub(super) async fn next(&mut self) -> Result<String, LineError> {
        let mut looked_at = 0;
        loop {
            let new = &self.buffer[looked_at..];
            // Quicker than to look at byte after byte.
            let end = looked_at + { new }.skip_until(b'\n').unwrap_or(0);
            if end > looked_at && self.buffer[end - 1] == b'\n' {
                let mut rest = self.spare.pop().unwrap_or_default();
                rest.extend_from_slice(&self.buffer[end..]);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.truncate(end - 1);
                return Ok(String::from_utf8(line)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()));
            }
            looked_at = self.buffer.len();
            if looked_at > LONGEST_LINE {
                return Err(LineError::TooLong);
            }
            self.buffer.reserve(READ);
            match self.stdout.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(LineError::Closed),
            }
        }
    }
}

/// Reads a line as a JSON object.
///
/// # Errors
/// What is wrong with it.
pub(in crate::target) fn read_json(line: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(&mended(line)).map_err(|error| format!("it is no JSON, {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("it is no object".to_owned())
    }
}

/// JSON text whose lone surrogates, which Rust has no strings for, are replaced by U+FFFD.
pub(crate) fn mended(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let unit = |at: usize| {
        let digits = text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str(&text[copied..at]);
                mended.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            (Some(_), _) => 6,
            // A backslash and what it escapes, which need not be ASCII in rubbish.
            (None, _) => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_nothing_else() {
        for (text, expected) in [
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00 \ude00""#, r#""\ufffd\ud83d\ude00 \ufffd""#),
            (r#""\\ud800 é\u0000""#, r#""\\ud800 é\u0000""#),
            ("\"\\é\\", "\"\\é\\"),
        ] {
            assert_eq!(mended(text), expected);
        }
    }
}
