//! What is left of an answer: text that is eaten from the front where it is what is expected, letter for letter, so that
//! nothing need be made of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memchr2;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The rest of a JSON text without white space. Where something is not eaten, how far it got is open.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// All of a text.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Takes a text.
    pub fn eat(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// What is left.
    pub(super) fn text(&self) -> &'a str {
        self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a JSON value, whatever it is, as long as it can be read as `T`.
    pub fn take<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter::<T>();
        let value = values.next()?.ok()?;
        self.0 = &self.0[values.byte_offset()..];
        Some(value)
    }

    /// Takes a value of any kind.
    pub(super) fn eat_any(&mut self) -> bool {
        self.take::<&RawValue>().is_some()
    }

    /// Takes a string literal, whatever it says.
    pub(super) fn take_literal(&mut self) -> Option<Cow<'a, str>> {
        let literal = self.0.strip_prefix('"')?;
        let end = memchr2(b'"', b'\\', literal.as_bytes())?;
        if literal.as_bytes()[end] == b'"' {
            self.0 = &literal[end + 1..];
            return Some(Cow::Borrowed(&literal[..end]));
        }
        self.take().map(Cow::Owned)
    }

    /// Takes what is left of a string literal, up to the quotation mark that ends it.
    pub(super) fn eat_rest_of_literal(&mut self) -> bool {
        let text = self.0.as_bytes();
        let mut at = 0;
        while let Some(next) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
            at += next;
            if text[at] == b'"' {
                self.0 = &self.0[at + 1..];
                return true;
            }
            at += 2;
        }
        false
    }

    /// Takes a string literal that says `text`, with the escapes that every library writes.
    pub(super) fn eat_literal(&mut self, text: &str) -> bool {
        self.eat("\"") && self.eat_inside(text) && self.eat("\"")
    }

    /// Takes the inside of such a literal, or a part of it.
    pub(super) fn eat_inside(&mut self, text: &str) -> bool {
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let same = match byte {
                b'"' => self.eat(&text[plain..at]) && self.eat("\\\""),
                b'\\' => self.eat(&text[plain..at]) && self.eat("\\\\"),
                0..0x20 => self.eat(&text[plain..at]) && self.eat_control(byte),
                _ => continue,
            };
            if !same {
                return false;
            }
            plain = at + 1;
        }
        self.eat(&text[plain..])
    }

    fn eat_control(&mut self, byte: u8) -> bool {
        match byte {
            0x08 => self.eat("\\b"),
            b'\t' => self.eat("\\t"),
            b'\n' => self.eat("\\n"),
            0x0c => self.eat("\\f"),
            b'\r' => self.eat("\\r"),
            _ => self.eat(&format!("\\u{byte:04x}")),
        }
    }

    /// Takes bytes as the driver protocol has them.
    pub(super) fn eat_bytes(&mut self, bytes: &[u8]) -> bool {
        if !self.eat("{\"$binary\":\"") {
            return false;
        }
        let mut short = [0; 128];
        let same = match STANDARD.encode_slice(bytes, &mut short) {
            Ok(length) => std::str::from_utf8(&short[..length]).is_ok_and(|text| self.eat(text)),
            Err(_) => self.eat(&STANDARD.encode(bytes)),
        };
        same && self.eat("\"}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_are_eaten_as_serializers_write_them() {
        for text in ["", "a", "é\u{1f600}\u{7f}", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}"] {
            let written = json!(text).to_string();
            let mut rest = Rest::new(&written);
            assert!(rest.eat_literal(text) && rest.is_empty(), "{written}");
            let mut rest = Rest::new(&written);
            assert!(
                rest.eat("\"") && rest.eat_rest_of_literal() && rest.is_empty(),
                "{written}"
            );
            assert!(!Rest::new(&written).eat_literal("b"));
            let mut rest = Rest::new(&written);
            assert_eq!(rest.take_literal().as_deref(), Some(text));
            assert!(rest.is_empty(), "{written}");
        }
        assert!(!Rest::new("\\\"").eat_rest_of_literal());
        for text in ["", "a", "\"a", "\"\\ud800\""] {
            assert_eq!(Rest::new(text).take_literal(), None, "{text}");
        }
    }

    #[test]
    fn a_value_is_taken_and_what_follows_is_left() {
        let mut rest = Rest::new("[{\"a\":[1]},\"]\"],7");
        assert_eq!(rest.take::<Vec<&RawValue>>().map(|values| values.len()), Some(2));
        assert!(rest.eat(",") && rest.eat_any() && rest.is_empty());
        assert!(!rest.eat_any());
    }
}
