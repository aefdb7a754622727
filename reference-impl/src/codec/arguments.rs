//! The arguments of an event or acknowledgement in the form in which they are sent.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{socket_packet::ArgumentIter, text::quote};

/// JSON values with commas between them, binary values moved out and replaced by placeholders 0, 1, 2, …
///
/// Whoever pushes JSON vouches for it: [`Arguments::push_json`] is for text that was validated before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    json: String,
    attachments: Vec<Bytes>,
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value, which is valid JSON.
    pub fn push_json(&mut self, json: &str) -> &mut Self {
        self.separate();
        self.json.push_str(json);
        self
    }

    /// Adds a string.
    pub fn push_str(&mut self, text: &str) -> &mut Self {
        self.separate();
        quote(&mut self.json, text);
        self
    }

    /// Adds a binary value.
    pub fn push_binary(&mut self, data: Bytes) -> &mut Self {
        self.separate();
        self.push_placeholder(data);
        self
    }

    /// The values as JSON text, placeholders included.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The binary values, in the order of their placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The values one by one, each as JSON text.
    pub fn iter(&self) -> ArgumentIter<'_> {
        ArgumentIter::from(self.json.as_str())
    }

    /// Takes the first value away, if it is not binary; its text is returned.
    pub fn split_first(mut self) -> Option<(String, Self)> {
        let first = self.iter().next()?.to_owned();
        // The first text is a slice of `json`, so what follows it begins behind it and one comma.
        let behind = self.json.find(&first)? + first.len();
        let rest = self.json[behind..].trim_start();
        self.json = rest.strip_prefix(',').unwrap_or(rest).trim_start().to_owned();
        Some((first, self))
    }

    /// Arguments without binary values, as valid JSON text.
    pub(super) fn from_valid(json: &str) -> Self {
        Self {
            json: json.to_owned(),
            attachments: Vec::new(),
        }
    }

    pub(super) fn with_capacity(text: usize, attachments: usize) -> Self {
        Self {
            json: String::with_capacity(text),
            attachments: Vec::with_capacity(attachments),
        }
    }

    pub(super) fn push_text_part(&mut self, part: &str) {
        self.json.push_str(part);
    }

    pub(super) fn push_placeholder(&mut self, data: Bytes) {
        self.json.push_str("{\"_placeholder\":true,\"num\":");
        // Writing to a String cannot fail.
        let _ = write!(self.json, "{}", self.attachments.len());
        self.json.push('}');
        self.attachments.push(data);
    }

    fn separate(&mut self) {
        if !self.json.is_empty() {
            self.json.push(',');
        }
    }
}
