//! A Socket.IO packet: a view of its text, with the attachments that belong to it.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    arguments::Arguments,
    error::PacketError,
    header::{AckId, Header, PacketType, Span},
    json::{Ignore, JsonError, MAX_JSON_LEN, Watch, skip_string, skip_value, skip_whitespace},
    placeholder::{Placeholder, PlaceholderFinder},
    text::unquote,
};

/// Event names that the libraries use themselves; nobody may send them.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// A valid Socket.IO packet. Everything it returns is a slice of the text that it was decoded from.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet<'a> {
    text: Cow<'a, str>,
    header: Header,
    /// The JSON payload, white space around it removed; empty if there is none.
    payload: Span,
    /// The name of an event as a JSON string literal; empty for other packets.
    name: Span,
    /// What stands between the brackets of an event or acknowledgement, its name and the comma behind it left out.
    arguments: Span,
    /// Only binary packets have this, and few packets are: it would make moving the others slower.
    binary: Option<Box<Binary>>,
}

/// What a binary packet has beside its text.
#[derive(Clone, Debug, PartialEq)]
struct Binary {
    placeholders: Vec<Placeholder>,
    attachments: Vec<Bytes>,
}

impl<'a> Packet<'a> {
    /// Parses the text part of a packet. Attachments that it announces are still missing then.
    pub(super) fn parse(text: &'a str, max_attachments: usize) -> Result<Self, PacketError> {
        if text.len() > MAX_JSON_LEN {
            return Err(PacketError::TooLong);
        }
        let header = Header::parse(text, max_attachments)?;
        let mut packet = Self {
            text: Cow::Borrowed(text),
            payload: Span::default(),
            name: Span::default(),
            arguments: Span::default(),
            binary: None,
            header,
        };
        match packet.header.packet_type {
            PacketType::Connect | PacketType::ConnectError => packet.parse_object(text)?,
            PacketType::Disconnect
                if (packet.header.payload as usize) < text.len() || packet.header.id.is_some() =>
            {
                return Err(PacketError::UnexpectedPayload);
            }
            PacketType::Disconnect => {}
            PacketType::Ack if packet.header.id.is_none() => return Err(PacketError::MissingId),
            PacketType::Event | PacketType::Ack if packet.header.attachments == 0 => {
                packet.parse_array(text, &mut Ignore)?;
            }
            PacketType::Event | PacketType::Ack => {
                let mut finder = PlaceholderFinder::default();
                packet.parse_array(text, &mut finder)?;
                let count = packet.header.attachments;
                if !finder
                    .found
                    .iter()
                    .all(|found| found.num.is_some_and(|num| num < count))
                {
                    return Err(PacketError::Placeholder);
                }
                packet.binary = Some(Box::new(Binary {
                    placeholders: finder.found,
                    attachments: Vec::new(),
                }));
            }
        }
        Ok(packet)
    }

    /// The type; the binary types count as the types that they carry.
    pub fn packet_type(&self) -> PacketType {
        self.header.packet_type
    }

    /// The namespace, `/` if the packet names none.
    pub fn namespace(&self) -> &str {
        match self.header.namespace.of(&self.text) {
            "" => "/",
            namespace => namespace,
        }
    }

    /// The acknowledgement id, if the packet has one.
    pub fn id(&self) -> Option<&AckId> {
        self.header.id.as_ref()
    }

    /// The payload as JSON text, placeholders included. `None` for a DISCONNECT and for a CONNECT without payload.
    pub fn payload(&self) -> Option<&str> {
        Some(self.payload.of(&self.text)).filter(|payload| !payload.is_empty())
    }

    /// The name of an event, escapes resolved; empty for other packets.
    pub fn name(&self) -> Cow<'_, str> {
        unquote(self.name_literal()).unwrap_or_default()
    }

    /// The name of an event as the JSON string literal that it came as; empty for other packets.
    pub fn name_literal(&self) -> &str {
        self.name.of(&self.text)
    }

    /// How many binary messages belong behind the text of this packet.
    pub fn announced_attachments(&self) -> usize {
        self.header.attachments as usize
    }

    /// The binary parts, in the order in which they came.
    pub fn attachments(&self) -> &[Bytes] {
        self.binary.as_ref().map_or(&[], |binary| &binary.attachments)
    }

    /// The arguments of an event (without its name) or acknowledgement, each as JSON text, placeholders included.
    pub fn argument_texts(&self) -> ArgumentIter<'_> {
        ArgumentIter {
            text: self.arguments.of(&self.text),
        }
    }

    /// The arguments of an event (without its name) or acknowledgement, ready to be sent again: placeholders are
    /// numbered anew in the order of the text, and attachments that none of them selects are gone.
    pub fn arguments(&self) -> Arguments {
        let text = self.arguments.of(&self.text);
        let Some(binary) = &self.binary else {
            return Arguments::from_valid(text);
        };
        let mut arguments = Arguments::with_capacity(text.len(), binary.placeholders.len());
        let mut at = self.arguments.start;
        for placeholder in &binary.placeholders {
            arguments.push_text_part(
                Span {
                    start: at,
                    end: placeholder.start,
                }
                .of(&self.text),
            );
            // `parse` admitted only indices below the announced number, and a packet leaves the decoder complete.
            let attachment = placeholder
                .num
                .and_then(|num| binary.attachments.get(num as usize))
                .cloned();
            arguments.push_placeholder(attachment.unwrap_or_default());
            at = placeholder.end;
        }
        arguments.push_text_part(
            Span {
                start: at,
                end: self.arguments.end,
            }
            .of(&self.text),
        );
        arguments
    }

    /// The same packet with a text of its own.
    pub fn into_owned(self) -> Packet<'static> {
        Packet {
            text: Cow::Owned(self.text.into_owned()),
            ..self
        }
    }

    pub(super) fn push_attachment(&mut self, data: Bytes) {
        if let Some(binary) = &mut self.binary {
            binary.attachments.push(data);
        }
    }

    pub(super) fn missing_attachments(&self) -> usize {
        self.announced_attachments() - self.attachments().len()
    }

    fn parse_object(&mut self, text: &str) -> Result<(), PacketError> {
        let bytes = text.as_bytes();
        let start = skip_whitespace(bytes, self.header.payload as usize);
        let connect = self.header.packet_type == PacketType::Connect;
        match bytes.get(start) {
            None if connect => return Ok(()),
            None => return Err(PacketError::MissingPayload),
            Some(b'{') => {}
            // Servers before protocol 5 refused with a bare string.
            Some(b'"') if !connect => {}
            Some(_) => return Err(PacketError::NotAnObject),
        }
        let end = skip_value(bytes, start, &mut Ignore)?;
        self.payload = Span::new(start, end);
        expect_end(bytes, end)
    }

    fn parse_array(&mut self, text: &str, watch: &mut impl Watch) -> Result<(), PacketError> {
        let bytes = text.as_bytes();
        let start = skip_whitespace(bytes, self.header.payload as usize);
        match bytes.get(start) {
            Some(b'[') => {}
            Some(_) => return Err(PacketError::NotAnArray),
            None => return Err(PacketError::MissingPayload),
        }
        let mut at = skip_whitespace(bytes, start + 1);
        let mut more = bytes.get(at) != Some(&b']');
        if self.header.packet_type == PacketType::Event {
            at = self.parse_name(text, at)?;
            more = bytes.get(at) == Some(&b',');
            if more {
                at = skip_whitespace(bytes, at + 1);
            }
        }
        let begin = at;
        let mut end = at;
        while more {
            end = skip_value(bytes, at, watch)?;
            at = skip_whitespace(bytes, end);
            more = bytes.get(at) == Some(&b',');
            at += usize::from(more);
        }
        if bytes.get(at) != Some(&b']') {
            return Err(JsonError {
                offset: at,
                expected: "`,` or `]`",
            }
            .into());
        }
        self.arguments = Span::new(begin, end);
        self.payload = Span::new(start, at + 1);
        expect_end(bytes, at + 1)
    }

    /// Takes the name, which begins at `at`; returns the offset behind it and the white space that follows.
    fn parse_name(&mut self, text: &str, at: usize) -> Result<usize, PacketError> {
        let bytes = text.as_bytes();
        if bytes.get(at) != Some(&b'"') {
            return Err(PacketError::EventName);
        }
        let end = skip_string(bytes, at)?;
        self.name = Span::new(at, end);
        if is_reserved(&text[at..end]) {
            return Err(PacketError::ReservedName);
        }
        Ok(skip_whitespace(bytes, end))
    }
}

/// The arguments of a packet, one JSON text after the other.
#[derive(Clone, Debug)]
pub struct ArgumentIter<'a> {
    /// Valid JSON values with commas between them.
    text: &'a str,
}

impl<'a> Iterator for ArgumentIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = skip_whitespace(bytes, 0);
        if start == bytes.len() {
            return None;
        }
        let end = skip_value(bytes, start, &mut Ignore).ok()?;
        let value = &self.text[start..end];
        let behind = skip_whitespace(bytes, end);
        self.text = self.text.get(behind + 1..).unwrap_or("");
        Some(value)
    }
}

impl<'a> From<&'a str> for ArgumentIter<'a> {
    fn from(text: &'a str) -> Self {
        Self { text }
    }
}

/// Whether the libraries use this event name themselves, so that nobody may send it.
pub fn is_reserved_name(name: &str) -> bool {
    RESERVED.contains(&name)
}

fn is_reserved(literal: &str) -> bool {
    let inner = &literal[1..literal.len() - 1];
    if inner.contains('\\') {
        unquote(literal).is_some_and(|name| is_reserved_name(&name))
    } else {
        is_reserved_name(inner)
    }
}

fn expect_end(bytes: &[u8], at: usize) -> Result<(), PacketError> {
    let end = skip_whitespace(bytes, at);
    if end == bytes.len() {
        Ok(())
    } else {
        Err(PacketError::Trailing(end))
    }
}
