//! Outcomes as an answer has them.

use crate::values::{Told, tell_binary};
use bytes::Bytes;
use engineioxide_core::Str;
use serde::ser::{Serialize, Serializer};
use std::fmt::{Display, Write as _};

/// What came of a frame or of a packet.
pub enum Outcome {
    Packet(Packet),
    Wait,
    Error(String),
    Unsupported(String),
    Frames(Vec<Encoded>),
}

/// A frame of a packet that was encoded.
pub enum Encoded {
    Text(String),
    Binary(Bytes),
}

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(bytes) => tell_binary(bytes, serializer),
        }
    }
}

/// A packet that was decoded.
pub struct Packet {
    pub word: &'static str,
    /// `None` for Engine.IO.
    pub nsp: Option<Str>,
    pub id: Option<i64>,
    pub data: Option<Data>,
}

/// What a packet carries.
pub enum Data {
    Text(String),
    /// Text as the library has it.
    Message(Str),
    Value(rmpv::Value),
    /// The name of an event, and values.
    List(Option<String>, Vec<rmpv::Value>),
}

impl Outcome {
    pub fn error(error: impl Display) -> Self {
        // Most are as short as that.
        let mut words = String::with_capacity(128);
        let _cannot_fail = write!(words, "{error}");
        Self::Error(words)
    }

    /// Appends the outcome as JSON.
    pub fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Packet(packet) => packet.write(out)?,
            Self::Wait => out.extend_from_slice(b"{\"wait\":true"),
            Self::Error(why) => write_text(out, "{\"error\":", why)?,
            Self::Unsupported(why) => write_text(out, "{\"unsupported\":", why)?,
            Self::Frames(frames) => write(out, "{\"frames\":", frames)?,
        }
        out.push(b'}');
        Ok(())
    }
}

impl Packet {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        for part in ["{\"packet\":{\"type\":\"", self.word, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(nsp) = &self.nsp {
            write_text(out, ",\"nsp\":", nsp.as_str())?;
        }
        if let Some(id) = &self.id {
            write(out, ",\"id\":", id)?;
        }
        match &self.data {
            None => {}
            Some(Data::Text(text)) => write_text(out, ",\"data\":", text)?,
            Some(Data::Message(text)) => write_text(out, ",\"data\":", text.as_str())?,
            Some(Data::Value(value)) => write(out, ",\"data\":", &Told(value))?,
            Some(Data::List(name, values)) => {
                let mut before = ",\"data\":[";
                if let Some(name) = name {
                    write_text(out, before, name)?;
                    before = ",";
                }
                for value in values {
                    write(out, before, &Told(value))?;
                    before = ",";
                }
                if before != "," {
                    out.extend_from_slice(before.as_bytes());
                }
                out.push(b']');
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// Appends a text as it is, and another one as JSON behind it, which mostly needs no escapes.
fn write_text(out: &mut Vec<u8>, before: &str, text: &str) -> serde_json::Result<()> {
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    // To look at all of them is faster than to stop at the first.
    if text.bytes().fold(false, |found, byte| found | special(byte)) {
        return write(out, before, text);
    }
    for part in [before, "\"", text, "\""] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// Appends a text as it is, and a value as JSON behind it.
fn write(out: &mut Vec<u8>, before: &str, value: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
    out.extend_from_slice(before.as_bytes());
    serde_json::to_writer(out, value)
}
