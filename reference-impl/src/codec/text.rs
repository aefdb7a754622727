//! JSON string literals: writing them and reading what they say; and looking for bytes, eight at a time.

use std::borrow::Cow;

/// Appends `text` to `out` as a JSON string literal, control characters escaped (the record separator among them).
pub fn quote(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    loop {
        let at = skip_plain(bytes, plain);
        out.push_str(&text[plain..at]);
        let Some(&byte) = bytes.get(at) else { break };
        escape(out, byte);
        plain = at + 1;
    }
    out.push('"');
}

/// A quote, a backslash or a control character as it is written inside quotes.
fn escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push_str(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        _ => {
            out.push_str("\\u00");
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
            return;
        }
    });
}

/// The first offset from `at` with a quote, a backslash, a control character, or the end.
#[inline(always)]
pub(super) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let found = bytes_equal(word, b'"') | bytes_equal(word, b'\\') | bytes_below(word, 0x20);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

/// Appends a number in decimal; much less work than a format string.
pub(super) fn push_number(out: &mut String, number: u64) {
    if number > 9 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes from `at`, if there are so many; the first is the lowest.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// Has the high bit of each byte set that is `byte`. A borrow can also mark a byte above such a one, never one below, so
/// the lowest mark is right.
#[inline]
pub(super) fn bytes_equal(word: u64, byte: u8) -> u64 {
    let differing = word ^ (ONES * u64::from(byte));
    differing.wrapping_sub(ONES) & !differing & HIGH
}

/// The same for bytes that are below `limit`, which is at most 0x80.
#[inline]
pub(super) fn bytes_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH
}

/// The first offset of `byte`.
#[inline]
pub(super) fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = word_at(bytes, at) {
        let found = bytes_equal(word, byte);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|other| *other == byte)
        .map(|behind| at + behind)
}

/// What a valid JSON string literal (quotes included) says. A lone surrogate becomes U+FFFD.
///
/// `None` if `literal` is not a string literal.
pub fn unquote(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let Some(first) = inner.bytes().position(|byte| byte == b'\\') else {
        return Some(Cow::Borrowed(inner));
    };
    let mut out = String::with_capacity(inner.len());
    out.push_str(&inner[..first]);
    let mut rest = &inner[first..];
    while let Some(escaped) = rest.strip_prefix('\\') {
        let (said, behind) = read_escape(escaped)?;
        out.push(said);
        let next = behind.find('\\').unwrap_or(behind.len());
        out.push_str(&behind[..next]);
        rest = &behind[next..];
    }
    Some(Cow::Owned(out))
}

/// Reads one escape, its backslash already taken; returns what is left behind it.
fn read_escape(text: &str) -> Option<(char, &str)> {
    let said = match text.as_bytes().first()? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return read_unicode_escape(text),
        &byte @ (b'"' | b'\\' | b'/') => byte as char,
        _ => return None,
    };
    Some((said, &text[1..]))
}

fn read_unicode_escape(text: &str) -> Option<(char, &str)> {
    let unit = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let first = unit(text.get(1..5)?)?;
    let behind = &text[5..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = behind
            .strip_prefix("\\u")
            .and_then(|digits| digits.get(..4))
            .and_then(unit)
        && (0xdc00..0xe000).contains(&second)
    {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(joined)?, &behind[6..]));
    }
    Some((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        behind,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_escape() {
        assert_eq!(
            unquote(r#""a\"\\\/\b\f\n\r\tA\ud83d\ude00""#).unwrap(),
            "a\"\\/\u{8}\u{c}\n\r\tA😀"
        );
        assert_eq!(unquote(r#""\ud800x\udc00""#).unwrap(), "\u{fffd}x\u{fffd}");
        assert_eq!(unquote(r#""\ud800A""#).unwrap(), "\u{fffd}A");
        assert_eq!(unquote("plain"), None);
        assert_eq!(unquote("\""), None);
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 99, 100, 1_234_567_890, u64::MAX] {
            let mut out = String::from("x");
            push_number(&mut out, number);
            assert_eq!(out, format!("x{number}"));
        }
    }

    #[test]
    fn escapes_the_record_separator() {
        let mut out = String::new();
        quote(&mut out, "a\u{1e}b\u{0}\"\\€\u{8}\u{c}");
        assert_eq!(out, "\"a\\u001eb\\u0000\\\"\\\\€\\b\\f\"");
    }

    proptest! {
        #[test]
        fn bytes_are_found_where_they_are(bytes in prop::collection::vec(0x1c_u8..0x22, 0..40), byte in 0x1c_u8..0x22) {
            prop_assert_eq!(find_byte(&bytes, byte), bytes.iter().position(|other| *other == byte));
        }

        #[test]
        fn quoting_is_undone_by_unquoting(text in any::<String>()) {
            let mut out = String::new();
            quote(&mut out, &text);
            prop_assert_eq!(crate::codec::validate_json(&out), Ok(()));
            prop_assert_eq!(unquote(&out).unwrap(), text.as_str());
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }
}
