//! JSON string literals: writing them and reading what they say.

use std::borrow::Cow;

/// Appends `text` to `out` as a JSON string literal, control characters escaped (the record separator among them).
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        if short.is_empty() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
        } else {
            out.push_str(short);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// What a valid JSON string literal (quotes included) says. A lone surrogate becomes U+FFFD.
///
/// `None` if `literal` is not a string literal.
pub fn unquote(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let Some(first) = inner.find('\\') else {
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
    fn escapes_the_record_separator() {
        let mut out = String::new();
        quote(&mut out, "a\u{1e}b\u{0}\"\\€");
        assert_eq!(out, "\"a\\u001eb\\u0000\\\"\\\\€\"");
    }

    proptest! {
        #[test]
        fn quoting_is_undone_by_unquoting(text in any::<String>()) {
            let mut out = String::new();
            quote(&mut out, &text);
            prop_assert_eq!(crate::codec::validate_json(&out), Ok(()));
            prop_assert_eq!(unquote(&out).unwrap(), text.as_str());
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
