//! Reading a string: its escapes, surrogate pairs, and the patterns in it.

use super::doc::Node;
use super::reader::Reader;
use crate::pattern::scan::{self, PatternError};
use crate::pattern::segment::Segment;

impl Reader<'_, '_> {
    /// A string that has no patterns.
    pub(super) fn plain_string(&mut self) -> Result<Vec<u8>, PatternError> {
        match self.string()? {
            Node::String(string) => Ok(string),
            _ => Err(self.wrong(0, "a pattern in a string")),
        }
    }

    pub(super) fn string(&mut self) -> Result<Node, PatternError> {
        let start = self.at;
        self.at += 1;
        let mut parts: Vec<Segment> = Vec::new();
        let mut literal: Vec<u8> = Vec::new();
        loop {
            let plain = self.bytes[self.at..]
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\' | b'<' | 0..0x20))
                .count();
            literal.extend_from_slice(&self.bytes[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut literal)?,
                Some(b'<') => match self.angle()? {
                    Some(angle) => {
                        if !literal.is_empty() {
                            parts.push(Segment::Literal(std::mem::take(&mut literal)));
                        }
                        parts.push(Segment::Pattern(angle));
                    }
                    None => {
                        literal.push(b'<');
                        self.at += 1;
                    }
                },
                Some(_) => {
                    return Err(self
                        .wrong(1, "a control character in a string")
                        .expected("an escape such as `\\n`"));
                }
                None => {
                    return Err(PatternError::new(start, self.at, "the string has no end").expected("`\"`"));
                }
            }
        }
        self.at += 1;
        if self.patterns.is_none() && std::str::from_utf8(&self.bytes[start..self.at]).is_err() {
            return Err(PatternError::new(start, self.at, "the string is not UTF-8"));
        }
        if parts.is_empty() {
            return Ok(Node::String(literal));
        }
        if !literal.is_empty() {
            parts.push(Segment::Literal(literal));
        }
        Ok(Node::Parts(parts))
    }

    fn escape(&mut self, literal: &mut Vec<u8>) -> Result<(), PatternError> {
        let escaped = self.bytes.get(self.at + 1).copied();
        let simple = match escaped {
            Some(b'"') => b'"',
            Some(b'\\') => b'\\',
            Some(b'/') => b'/',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(literal),
            Some(b'x') if self.patterns.is_some() => {
                let text = self.patterns.as_ref().map_or("", |(text, _)| text);
                let byte = scan::escape(text, self.at)?;
                literal.extend(byte);
                self.at += 4;
                return Ok(());
            }
            _ => {
                return Err(self
                    .wrong(2, "this is no escape of JSON")
                    .expected("one of `\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX`"));
            }
        };
        literal.push(simple);
        self.at += 2;
        Ok(())
    }

    fn unicode(&mut self, literal: &mut Vec<u8>) -> Result<(), PatternError> {
        let wrong = |reader: &Self| {
            reader
                .wrong(2, "`\\u` stands for no character")
                .expected("four hexadecimal digits")
        };
        let first = self.hex4(self.at).ok_or_else(|| wrong(self))?;
        self.at += 6;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first)
            && let Some(second) = self
                .hex4(self.at)
                .filter(|second| (0xdc00..0xe000).contains(second))
        {
            self.at += 6;
            code = 0x10000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00);
        }
        match char::from_u32(code) {
            Some(c) => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            // Half a pair: the three bytes that UTF-8 would give it.
            None => literal.extend_from_slice(&[
                0xe0 | (first >> 12) as u8,
                0x80 | (first >> 6 & 0x3f) as u8,
                0x80 | (first & 0x3f) as u8,
            ]),
        }
        Ok(())
    }

    /// The value of `\uXXXX` at `at`.
    fn hex4(&self, at: usize) -> Option<u16> {
        let escape = self.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = escape.iter().all(u8::is_ascii_hexdigit).then_some(escape)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}
