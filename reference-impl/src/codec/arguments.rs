//! The arguments of an event or acknowledgement in the form in which they are sent.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    socket_packet::ArgumentIter,
    text::{push_number, quote},
};

/// JSON values with commas between them, binary values moved out and replaced by placeholders 0, 1, 2, …
///
/// Whoever pushes JSON vouches for it: [`Arguments::push_json`] is for text that was validated before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    json: String,
    attachments: Vec<Bytes>,
}

/// A part of a value that is put together.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<'p> {
    /// JSON text; all pieces of a value together, with a value for each binary one, are valid.
    Json(&'p str),
    /// A binary value.
    Binary(Bytes),
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value, which is valid JSON. A first value that is given away is not copied.
    pub fn push_json<'j>(&mut self, json: impl Into<Cow<'j, str>>) -> &mut Self {
        match json.into() {
            Cow::Owned(json) if self.json.is_empty() => self.json = json,
            json => {
                self.separate();
                self.json.push_str(&json);
            }
        }
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

    /// Adds one value that has binary values inside: its JSON text in pieces, with the binary values between them.
    pub fn push_pieces<'p>(&mut self, pieces: impl IntoIterator<Item = Piece<'p>>) -> &mut Self {
        self.separate();
        for piece in pieces {
            match piece {
                Piece::Json(text) => self.push_text_part(text),
                Piece::Binary(data) => self.push_placeholder(data),
            }
        }
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

    /// The text and the attachments.
    pub(super) fn into_parts(self) -> (String, Vec<Bytes>) {
        (self.json, self.attachments)
    }

    pub(super) fn push_placeholder(&mut self, data: Bytes) {
        const BEGIN: &str = "{\"_placeholder\":true,\"num\":";
        if self.json.capacity() == 0 {
            // Room for two of them.
            self.json.reserve(2 * (BEGIN.len() + 3));
            self.attachments.reserve(2);
        }
        self.json.push_str(BEGIN);
        push_number(&mut self.json, self.attachments.len() as u64);
        self.json.push('}');
        self.attachments.push(data);
    }

    fn separate(&mut self) {
        if !self.json.is_empty() {
            self.json.push(',');
        }
    }
}

impl From<Arguments> for Cow<'_, Arguments> {
    fn from(arguments: Arguments) -> Self {
        Self::Owned(arguments)
    }
}

impl<'a> From<&'a Arguments> for Cow<'a, Arguments> {
    fn from(arguments: &'a Arguments) -> Self {
        Self::Borrowed(arguments)
    }
}
