//! Frames as a request has them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What is given to a decoder.
#[derive(Clone)]
pub enum Frame<'a> {
    Text(Cow<'a, str>),
    Binary(Bytes),
    Reset,
    /// Nothing that Rust has a value for.
    Odd,
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

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
