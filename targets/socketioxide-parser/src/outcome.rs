//! Outcomes as an answer has them.

use crate::values::Told;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// What came of a frame or of a packet.
pub enum Outcome {
    Packet(Packet),
    Wait,
    Error(String),
    Unsupported(String),
    Frames(Vec<Value>),
}

/// A packet that was decoded.
pub struct Packet {
    pub word: &'static str,
    /// `None` for Engine.IO.
    pub nsp: Option<String>,
    pub id: Option<i64>,
    pub data: Option<Data>,
}

/// What a packet carries.
pub enum Data {
    Text(String),
    Value(rmpv::Value),
    /// The name of an event, and values.
    List(Option<String>, Vec<rmpv::Value>),
}

impl Outcome {
    pub fn error(error: impl ToString) -> Self {
        Self::Error(error.to_string())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Packet(packet) => map.serialize_entry("packet", packet)?,
            Self::Wait => map.serialize_entry("wait", &true)?,
            Self::Error(why) => map.serialize_entry("error", why)?,
            Self::Unsupported(why) => map.serialize_entry("unsupported", why)?,
            Self::Frames(frames) => map.serialize_entry("frames", frames)?,
        }
        map.end()
    }
}

impl Serialize for Packet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.word)?;
        if let Some(nsp) = &self.nsp {
            map.serialize_entry("nsp", nsp)?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Value(value) => Told(value).serialize(serializer),
            Self::List(name, values) => {
                let mut list = serializer.serialize_seq(None)?;
                if let Some(name) = name {
                    list.serialize_element(name)?;
                }
                values.iter().try_for_each(|value| list.serialize_element(&Told(value)))?;
                list.end()
            }
        }
    }
}
