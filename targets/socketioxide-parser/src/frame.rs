//! Frames as a request has them: in JSON, or raw behind it.

use crate::values::Text;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Why what is odd is not supported.
pub const NO_VALUE: &str = "Rust has text and bytes only";

/// What is given to a decoder.
#[derive(Clone)]
pub enum Frame<'a> {
    Text(Cow<'a, str>),
    Binary(Bytes),
    Reset,
    /// Nothing that Rust has a value for.
    Odd,
}

/// Inputs that stand raw behind a request; the frames of the first of them are next, up to its end.
pub struct Raw<'a>(pub &'a [u8]);

impl<'a> Raw<'a> {
    /// Whether there is no further input.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The frames of each input.
    pub fn inputs(mut self) -> Vec<Vec<Frame<'a>>> {
        let mut inputs = Vec::new();
        while !self.is_empty() {
            inputs.push(self.by_ref().collect());
        }
        inputs
    }

    fn frame(&mut self, kind: u8) -> Option<Frame<'a>> {
        if kind == b'r' {
            return Some(Frame::Reset);
        }
        let colon = self.0.iter().position(|byte| *byte == b':')?;
        let length = self.0[..colon].iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        let (bytes, rest) = self.0[colon + 1..].split_at_checked(length)?;
        self.0 = rest;
        Some(match kind {
            b't' => Frame::Text(match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(bytes),
            }),
            b'b' => Frame::Binary(Bytes::copy_from_slice(bytes)),
            _ => Frame::Odd,
        })
    }
}

impl<'a> Iterator for Raw<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        if *kind == b';' { None } else { self.frame(*kind) }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Frame<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Frame<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a frame")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Frame<'de>, E> {
        Ok(Frame::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Frame<'de>, E> {
        Ok(Frame::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Frame<'de>, A::Error> {
        let mut frame = Frame::Odd;
        while let Some(Text(key)) = members.next_key::<Text<'de>>()? {
            frame = match key.as_ref() {
                "$binary" => {
                    let Text(encoded) = members.next_value()?;
                    Frame::Binary(STANDARD.decode(encoded.as_ref()).map_err(de::Error::custom)?.into())
                }
                "$reset" => members.next_value::<IgnoredAny>().map(|_| Frame::Reset)?,
                _ => members.next_value::<IgnoredAny>().map(|_| frame)?,
            };
        }
        Ok(frame)
    }
}
