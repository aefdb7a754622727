//! Texts and bytes as they stand in JSON: whole where they are short, in pieces where something repeats at length.
//!
//! What the suite sends to find limits, and what echoes come back, is mostly one thing over and over. Such a stretch is
//! written as `{"repeat": …, "times": …}` and restored exactly when it is read, so nothing is lost to a verdict.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Up to this many bytes everything is written whole.
const WHOLE: usize = 4096;
/// The longest thing whose repetition is looked for, in bytes.
const LONGEST_UNIT: usize = 64;
/// A shorter stretch is not worth a piece of its own, in bytes.
const SHORTEST_STRETCH: usize = 1024;
/// How far apart the places are at which a repetition is looked for, in bytes.
const STRIDE: usize = 256;
/// How many bytes one text of a file may come to when it is read.
const LONGEST_RESTORED: usize = 64 << 20;

/// A text in JSON. Bytes are one too: themselves where they are UTF-8, otherwise `base64:` and their base64.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Packed {
    /// As it is.
    Whole(String),
    /// To be put together.
    Pieces(Vec<Piece>),
}

/// A piece of a long text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Piece {
    /// As it is.
    Plain(String),
    /// One thing again and again.
    Repeated {
        /// What.
        repeat: String,
        /// How often.
        times: usize,
    },
}

/// How many bytes this takes in JSON, but for escapes and base64.
pub(super) fn packed_len(bytes: &[u8]) -> usize {
    let saved = |stretch: &Stretch| stretch.unit * (stretch.times - 1);
    let saved: usize = stretches(bytes, |_| true).iter().map(saved).sum();
    bytes.len() - saved
}

/// A stretch in which the first `unit` bytes are repeated.
struct Stretch {
    from: usize,
    unit: usize,
    times: usize,
}

impl Stretch {
    fn range(&self) -> Range<usize> {
        self.from..self.from + self.unit * self.times
    }
}

/// The stretches of repetition, in order and apart from each other. Each begins where `may_begin` allows.
fn stretches(bytes: &[u8], may_begin: impl Fn(usize) -> bool) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let (mut at, mut free_from) = (0, 0);
    while bytes.len() > WHOLE && at + 2 * LONGEST_UNIT <= bytes.len() {
        let repeats =
            |unit: &usize| bytes[at..at + LONGEST_UNIT] == bytes[at + unit..at + unit + LONGEST_UNIT];
        let Some(unit) = (1..=LONGEST_UNIT).find(repeats) else {
            at += STRIDE;
            continue;
        };
        let around = around(bytes, at, unit, free_from);
        let from = around.clone().take(unit).find(|from| may_begin(*from));
        let times = from.map_or(0, |from| (around.end - from) / unit);
        at = around.end.max(at + STRIDE);
        if let Some(from) = from.filter(|_| unit * times >= SHORTEST_STRETCH) {
            found.push(Stretch { from, unit, times });
            free_from = from + unit * times;
        }
    }
    found
}

/// The stretch around `at` in which each byte comes again `unit` bytes later.
fn around(bytes: &[u8], at: usize, unit: usize, not_before: usize) -> Range<usize> {
    let same = |index: &usize| bytes[*index] == bytes[*index + unit];
    let from = (not_before..at).rev().take_while(same).last().unwrap_or(at);
    let last = (at..bytes.len() - unit).take_while(same).last().unwrap_or(at);
    from..last + 1 + unit
}

fn pack(bytes: &[u8], stretches: &[Stretch], say: impl Fn(&[u8]) -> String) -> Packed {
    if stretches.is_empty() {
        return Packed::Whole(say(bytes));
    }
    let mut pieces = Vec::new();
    let mut written = 0;
    let plain = |range: Range<usize>, pieces: &mut Vec<Piece>| {
        if !range.is_empty() {
            pieces.push(Piece::Plain(say(&bytes[range])));
        }
    };
    for stretch in stretches {
        plain(written..stretch.from, &mut pieces);
        pieces.push(Piece::Repeated {
            repeat: say(&bytes[stretch.from..stretch.from + stretch.unit]),
            times: stretch.times,
        });
        written = stretch.range().end;
    }
    plain(written..bytes.len(), &mut pieces);
    Packed::Pieces(pieces)
}

fn unpack(packed: Packed, read: impl Fn(String) -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    let pieces = match packed {
        Packed::Whole(text) => return read(text),
        Packed::Pieces(pieces) => pieces,
    };
    let mut bytes = Vec::new();
    for piece in pieces {
        let (unit, times) = match piece {
            Piece::Plain(text) => (read(text)?, 1),
            Piece::Repeated { repeat, times } => (read(repeat)?, times),
        };
        let len = unit.len().saturating_mul(times).saturating_add(bytes.len());
        if len > LONGEST_RESTORED {
            return Err(format!(
                "a text of {len} bytes: expected at most {LONGEST_RESTORED}"
            ));
        }
        bytes.reserve(unit.len() * times);
        (0..times).for_each(|_| bytes.extend_from_slice(&unit));
    }
    Ok(bytes)
}

/// Text.
pub(super) mod text {
    use super::{Packed, pack, stretches, unpack};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        let stretches = stretches(text.as_bytes(), |at| text.is_char_boundary(at));
        if stretches.is_empty() {
            return serializer.serialize_str(text);
        }
        let say = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pack(text.as_bytes(), &stretches, say).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<String, D::Error> {
        match Packed::deserialize(deserializer)? {
            Packed::Whole(text) => Ok(text),
            pieces @ Packed::Pieces(_) => {
                let bytes = unpack(pieces, |text| Ok(text.into_bytes())).map_err(D::Error::custom)?;
                String::from_utf8(bytes).map_err(D::Error::custom)
            }
        }
    }
}

/// Bytes.
pub(super) mod bytes {
    use super::{Packed, from_text, pack, stretches, to_text, unpack};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        // Where a stretch begins within a character, its pieces are written in base64.
        let begins_character = |at: usize| (bytes[at] & 0xC0) != 0x80;
        let mut stretches = stretches(bytes, begins_character);
        if stretches.is_empty() {
            stretches = self::stretches(bytes, |_| true);
        }
        pack(bytes, &stretches, to_text).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        unpack(Packed::deserialize(deserializer)?, from_text).map_err(D::Error::custom)
    }
}

/// Bytes as a text: plain where they are UTF-8; otherwise tagged base64, which a reader can tell apart.
fn to_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("base64:") => text.to_owned(),
        _ => format!("base64:{}", STANDARD.encode(bytes)),
    }
}

fn from_text(text: String) -> Result<Vec<u8>, String> {
    match text.strip_prefix("base64:") {
        Some(encoded) => STANDARD.decode(encoded).map_err(|error| error.to_string()),
        None => Ok(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::Wire;
    use serde_json::json;

    fn is_restored(wire: &Wire, longest: usize) {
        let written = serde_json::to_string(wire).unwrap();
        assert!(written.len() <= longest, "{} bytes", written.len());
        assert_eq!(&serde_json::from_str::<Wire>(&written).unwrap(), wire);
    }

    #[test]
    fn what_repeats_is_written_once_and_restored_exactly() {
        let long = |unit: &str| format!("42[\"big\",\"{}\"]", unit.repeat(200_000));
        for unit in ["a", "€", "a€", "[1,", "0123456789abcdef"] {
            is_restored(&Wire::Text(long(unit)), 400);
            is_restored(&Wire::Raw(long(unit).into_bytes()), 400);
        }
        is_restored(&Wire::Binary([1, 254].repeat(250_000)), 400);
        is_restored(&Wire::Binary([0x80, 0x81, 0x82].repeat(250_000)), 400);
        let two = format!("4{}\u{1e}4{}", "a".repeat(9_000), "b".repeat(9_000));
        is_restored(&Wire::Text(two), 400);
        // Not a whole number of times, and with a head that looks like the stretch.
        is_restored(&Wire::Text(format!("cabc{}a", "abc".repeat(5_000))), 400);
    }

    #[test]
    fn what_does_not_repeat_and_what_is_short_is_written_whole() {
        let short = serde_json::to_value(Wire::Text("a".repeat(4_096))).unwrap();
        assert!(short["text"].is_string());
        let numbers = (0..5_000).map(|n: u32| n.to_string()).collect::<String>();
        let whole = serde_json::to_value(Wire::Text(numbers.clone())).unwrap();
        assert_eq!(whole["text"], json!(numbers));
        is_restored(&Wire::Binary(numbers.into_bytes()), 20_000);
        is_restored(&Wire::Raw(b"base64:no".to_vec()), 60);
    }

    #[test]
    fn a_file_cannot_ask_for_more_than_fits() {
        let bomb = json!({ "text": [{ "repeat": "aaaaaaaaaa", "times": 100_000_000 }] });
        let error = serde_json::from_value::<Wire>(bomb).unwrap_err().to_string();
        assert!(error.contains("expected at most"), "{error}");
        let most = json!({ "raw": [{ "repeat": "aa", "times": usize::MAX }] });
        assert!(serde_json::from_value::<Wire>(most).is_err());
    }
}
