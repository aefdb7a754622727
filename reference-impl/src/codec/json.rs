//! An iterative JSON validator (RFC 8259): one pass, no recursion, no tree.
//!
//! It keeps one bit for each open container, so nesting costs memory in proportion to the input and no stack. It
//! deliberately does not judge what JSON leaves open: the size of numbers, lone surrogates in escapes, duplicate keys.

use thiserror::Error;

use super::text::skip_plain;

/// The longest text that is looked at: offsets are kept in 32 bits.
pub const MAX_JSON_LEN: usize = u32::MAX as usize;

/// A text is not JSON.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("decode JSON: expected {expected} at byte {offset}")]
pub struct JsonError {
    /// Where, in bytes from the start of the text.
    pub offset: usize,
    /// What would have been right there.
    pub expected: &'static str,
}

/// Checks that `text` is exactly one JSON value, with optional white space around it.
pub fn validate(text: &str) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    let end = skip_whitespace(bytes, skip_value(bytes, 0, &mut Ignore)?);
    if end == bytes.len() {
        Ok(())
    } else {
        Err(JsonError {
            offset: end,
            expected: "the end of the text",
        })
    }
}

/// Watches objects while a value is skipped; all offsets are into the whole text.
pub(super) trait Watch {
    /// An object begins at `at`. `Some(end)`: the watcher consumed it whole.
    fn open(&mut self, bytes: &[u8], at: usize) -> Option<usize>;
    /// A key of the innermost object, quotes included.
    fn key(&mut self, raw: &[u8]);
    /// The value of the last key is a string, number or literal.
    fn scalar(&mut self, raw: &[u8]);
    /// The value of the last key is an array or object, which begins now.
    fn container(&mut self);
    /// The innermost object ended before `end`.
    fn close(&mut self, end: usize);
}

/// Watches nothing.
pub(super) struct Ignore;

impl Watch for Ignore {
    fn open(&mut self, _: &[u8], _: usize) -> Option<usize> {
        None
    }
    fn key(&mut self, _: &[u8]) {}
    fn scalar(&mut self, _: &[u8]) {}
    fn container(&mut self) {}
    fn close(&mut self, _: usize) {}
}

/// The value of a key of an object, as JSON text; the last one if the key is repeated.
///
/// `None` if `object` is not a JSON object or has no such key. Keys are compared as they are written, escapes unresolved.
pub fn field<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let bytes = object.as_bytes();
    let mut at = skip_whitespace(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut found = None;
    at = skip_whitespace(bytes, at + 1);
    while bytes.get(at) == Some(&b'"') {
        let key_end = skip_string(bytes, at).ok()?;
        let is_key = &object[at + 1..key_end - 1] == key;
        let colon = skip_whitespace(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_whitespace(bytes, colon + 1);
        let end = skip_value(bytes, start, &mut Ignore).ok()?;
        if is_key {
            found = Some(&object[start..end]);
        }
        at = skip_whitespace(bytes, end);
        if bytes.get(at) != Some(&b',') {
            break;
        }
        at = skip_whitespace(bytes, at + 1);
    }
    found
}

/// Skips white space, then one value; returns the offset behind it.
pub(super) fn skip_value(bytes: &[u8], mut at: usize, watch: &mut impl Watch) -> Result<usize, JsonError> {
    let mut nesting = Nesting::default();
    'value: loop {
        at = skip_whitespace(bytes, at);
        let in_object = nesting.in_object();
        match bytes.get(at) {
            Some(b'"') => {
                let end = skip_string(bytes, at)?;
                if in_object {
                    watch.scalar(&bytes[at..end]);
                }
                at = end;
            }
            Some(b'{') => {
                if in_object {
                    watch.container();
                }
                if let Some(end) = watch.open(bytes, at) {
                    at = end;
                } else {
                    at = skip_whitespace(bytes, at + 1);
                    if bytes.get(at) == Some(&b'}') {
                        at += 1;
                        watch.close(at);
                    } else {
                        nesting.push(true);
                        at = skip_key(bytes, at, watch)?;
                        continue 'value;
                    }
                }
            }
            Some(b'[') => {
                if in_object {
                    watch.container();
                }
                at = skip_whitespace(bytes, at + 1);
                if bytes.get(at) == Some(&b']') {
                    at += 1;
                } else {
                    nesting.push(false);
                    continue 'value;
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                let end = skip_number(bytes, at)?;
                if in_object {
                    watch.scalar(&bytes[at..end]);
                }
                at = end;
            }
            _ => {
                let end = skip_literal(bytes, at)?;
                if in_object {
                    watch.scalar(&bytes[at..end]);
                }
                at = end;
            }
        }
        // Behind a value: close containers until one goes on.
        while let Some(object) = nesting.top() {
            at = skip_whitespace(bytes, at);
            match (bytes.get(at), object) {
                (Some(b','), true) => {
                    at = skip_key(bytes, skip_whitespace(bytes, at + 1), watch)?;
                    continue 'value;
                }
                (Some(b','), false) => {
                    at += 1;
                    continue 'value;
                }
                (Some(b'}'), true) => {
                    at += 1;
                    nesting.pop();
                    watch.close(at);
                }
                (Some(b']'), false) => {
                    at += 1;
                    nesting.pop();
                }
                (_, true) => {
                    return Err(JsonError {
                        offset: at,
                        expected: "`,` or `}`",
                    });
                }
                (_, false) => {
                    return Err(JsonError {
                        offset: at,
                        expected: "`,` or `]`",
                    });
                }
            }
        }
        return Ok(at);
    }
}

/// Skips the four white space characters of JSON.
#[inline]
pub(super) fn skip_whitespace(bytes: &[u8], mut at: usize) -> usize {
    // Nearly always there is none, which one comparison tells.
    if bytes.get(at).is_some_and(|byte| *byte > b' ') {
        return at;
    }
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Skips a string whose opening quote is at `at`; returns the offset behind its closing quote.
#[inline(always)]
pub(super) fn skip_string(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let end = skip_plain(bytes, at + 1);
    if bytes.get(end) == Some(&b'"') {
        Ok(end + 1)
    } else {
        skip_escapes(bytes, end)
    }
}

/// Skips the rest of a string, from the first byte that is not plain.
#[inline(never)]
fn skip_escapes(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        at = skip_plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u')
                    if bytes.len() >= at + 6 && bytes[at + 2..at + 6].iter().all(u8::is_ascii_hexdigit) =>
                {
                    at += 6;
                }
                _ => {
                    return Err(JsonError {
                        offset: at,
                        expected: "an escape",
                    });
                }
            },
            Some(_) => {
                return Err(JsonError {
                    offset: at,
                    expected: "control characters to be escaped",
                });
            }
            None => {
                return Err(JsonError {
                    offset: at,
                    expected: "the end of the string",
                });
            }
        }
    }
}

#[inline(always)]
fn skip_key(bytes: &[u8], at: usize, watch: &mut impl Watch) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(JsonError {
            offset: at,
            expected: "a key",
        });
    }
    let end = skip_string(bytes, at)?;
    watch.key(&bytes[at..end]);
    let colon = skip_whitespace(bytes, end);
    if bytes.get(colon) != Some(&b':') {
        return Err(JsonError {
            offset: colon,
            expected: "`:`",
        });
    }
    Ok(colon + 1)
}

#[inline(always)]
fn skip_number(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if bytes[at] == b'-' {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => skip_digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = skip_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = skip_digits(bytes, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn skip_digits(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let mut at = start;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    if at == start {
        Err(JsonError {
            offset: at,
            expected: "a digit",
        })
    } else {
        Ok(at)
    }
}

#[inline]
fn skip_literal(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let rest = bytes.get(at..).unwrap_or_default();
    for literal in [&b"true"[..], b"false", b"null"] {
        if rest.starts_with(literal) {
            return Ok(at + literal.len());
        }
    }
    Err(JsonError {
        offset: at,
        expected: "a value",
    })
}

/// The open containers, one bit each: set for an object, clear for an array.
#[derive(Default)]
struct Nesting {
    depth: usize,
    inner: u64,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.inner);
        }
        self.inner = (self.inner << 1) | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.inner >>= 1;
        self.depth -= 1;
        if self.depth > 0
            && self.depth.is_multiple_of(64)
            && let Some(word) = self.outer.pop()
        {
            self.inner = word;
        }
    }

    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.inner & 1 == 1)
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.inner & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_what_the_grammar_allows() {
        for text in [
            "0",
            "-0",
            "1.5e+10",
            "1e400",
            "\"\"",
            "\"\\ud800\"",
            "\"\u{2028}€😀\"",
            "null",
            " [ ] ",
            "{}",
            "[1,[2,{\"a\":[]}],{\"b\":{\"c\":null}}]",
            "{\"a\":1,\"a\":2}",
            "\t[true,\r\nfalse]\n",
            "123456789012345678901234567890",
        ] {
            assert_eq!(validate(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_grammar_forbids() {
        for text in [
            "",
            " ",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "Infinity",
            "tru",
            "truex",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"a\nb\"",
            "\"\u{0}\"",
            "\"long enough for a word\u{1f}\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "]",
            "{",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1]",
            "[1}",
            "[]]",
            "{}x",
            "\u{feff}[]",
            "'a'",
        ] {
            assert!(validate(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fields_are_found() {
        let object = "{\"a\" : [1, {\"b\":2}] ,\"c\":\"x\",\"c\":null }";
        assert_eq!(field(object, "a"), Some("[1, {\"b\":2}]"));
        assert_eq!(field(object, "c"), Some("null"));
        assert_eq!(field(object, "b"), None);
        assert_eq!(field("{}", "a"), None);
        assert_eq!(field("[\"a\"]", "a"), None);
        assert_eq!(field("{\"a\"", "a"), None);
    }

    #[test]
    fn nesting_needs_no_stack() {
        for depth in [63, 64, 65, 128, 129, 200_000] {
            let mixed = "[{\"a\":".repeat(depth) + "1" + &"}]".repeat(depth);
            assert_eq!(validate(&mixed), Ok(()));
            assert!(validate(&mixed[..mixed.len() - 1]).is_err());
            let crossed = "[".repeat(depth) + &"]".repeat(depth - 1) + "}";
            assert!(validate(&crossed).is_err());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\"\\\\a0-3.eE+tru nul\\-]{0,24}") {
            // `RawValue` checks the grammar and, like this validator, neither depth nor the size of numbers.
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(validate(&text).is_ok(), theirs);
        }

        #[test]
        fn finds_the_end_of_any_string(text in "\\PC{0,40}") {
            let quoted = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(skip_string(quoted.as_bytes(), 0), Ok(quoted.len()));
        }
    }
}
