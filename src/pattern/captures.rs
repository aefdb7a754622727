//! The values that a script keeps under a name.

use super::json;
use std::collections::BTreeMap;

/// Names and what they hold: kept by `<name:type>`, or put in by the player (`sid`, `pingInterval`, `host`, …).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    values: BTreeMap<String, Captured>,
}

/// A kept value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    /// A part of a text.
    Text(String),
    /// A value within JSON, as its JSON text.
    Json(String),
}

impl Captures {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a value; an older one of that name is gone.
    pub fn set(&mut self, name: impl Into<String>, value: Captured) {
        self.values.insert(name.into(), value);
    }

    /// Keeps a text.
    pub fn set_text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.set(name, Captured::Text(text.into()));
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Captured> {
        self.values.get(name)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Captured)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl Captured {
    /// How it reads in a text: a JSON string without its quotes and escapes, other JSON as it is.
    pub fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Json(text) => match json::string(text.as_bytes()) {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => text.clone(),
            },
        }
    }

    /// How it reads as a value in JSON: a text that is no JSON value itself becomes a string.
    pub fn as_json(&self) -> String {
        match self {
            Self::Json(text) => text.clone(),
            Self::Text(text) if json::is_value(text.as_bytes()) => text.clone(),
            Self::Text(text) => json::quote(text),
        }
    }

    /// How it reads between the quotes of a JSON string.
    pub(super) fn in_json_string(&self) -> String {
        match self {
            Self::Json(text) if text.starts_with('"') => text[1..text.len() - 1].to_owned(),
            Self::Json(text) | Self::Text(text) => {
                let quoted = json::quote(text);
                quoted[1..quoted.len() - 1].to_owned()
            }
        }
    }
}
