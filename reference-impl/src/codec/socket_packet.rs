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
        // Everything is kept in locals until the end: a packet that is filled bit by bit and then moved is slow.
        let header = Header::parse(text, max_attachments)?;
        let mut binary = None;
        let body = match header.packet_type {
            PacketType::Connect | PacketType::ConnectError => Body::of_object(text, &header)?,
            PacketType::Disconnect if (header.payload as usize) < text.len() || header.id.is_some() => {
                return Err(PacketError::UnexpectedPayload);
            }
            PacketType::Disconnect => Body::default(),
            PacketType::Ack if header.id.is_none() => return Err(PacketError::MissingId),
            PacketType::Event | PacketType::Ack if header.attachments == 0 => {
                Body::of_array(text, &header, &mut Ignore)?
            }
            PacketType::Event | PacketType::Ack => {
                let mut finder = PlaceholderFinder::default();
                let body = Body::of_array(text, &header, &mut finder)?;
                binary = Some(Binary::new(finder.found, header.attachments)?);
                body
            }
        };
        Ok(Self {
            text: Cow::Borrowed(text),
            header,
            payload: body.payload,
            name: body.name,
            arguments: body.arguments,
            binary,
        })
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

    /// The arguments of an event (without its name) or acknowledgement, those that are nothing but a placeholder as the
    /// attachments that they select.
    pub fn values(&self) -> impl Iterator<Item = Argument<'_>> {
        let placeholders = self
            .binary
            .as_ref()
            .map_or(&[][..], |binary| &binary.placeholders);
        let mut rest = placeholders.iter().peekable();
        self.argument_texts().map(move |text| {
            let start = text.as_ptr() as usize - self.text.as_ptr() as usize;
            let end = start + text.len();
            while rest.next_if(|next| (next.start as usize) < start).is_some() {}
            let whole = rest.next_if(|next| next.start as usize == start && next.end as usize == end);
            let attachment = whole.and_then(|placeholder| self.attachments().get(placeholder.num? as usize));
            attachment.map_or(Argument::Json(text), Argument::Binary)
        })
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
}

impl Binary {
    /// The placeholders of a packet that announced `count` attachments.
    fn new(placeholders: Vec<Placeholder>, count: u32) -> Result<Box<Self>, PacketError> {
        let known = |found: &Placeholder| found.num.is_some_and(|num| num < count);
        if !placeholders.iter().all(known) {
            return Err(PacketError::Placeholder);
        }
        // What was announced is not trusted: the placeholders are there.
        let expected = placeholders.len().min(count as usize);
        Ok(Box::new(Self {
            attachments: Vec::with_capacity(expected),
            placeholders,
        }))
    }
}

/// Where the parts of the payload stand.
#[derive(Default)]
struct Body {
    payload: Span,
    name: Span,
    arguments: Span,
}

impl Body {
    fn of_object(text: &str, header: &Header) -> Result<Self, PacketError> {
        let bytes = text.as_bytes();
        let start = skip_whitespace(bytes, header.payload as usize);
        let connect = header.packet_type == PacketType::Connect;
        match bytes.get(start) {
            None if connect && header.payload as usize == bytes.len() => return Ok(Self::default()),
            // White space alone is a payload that is no JSON.
            None if connect => return Err(PacketError::NotAnObject),
            None => return Err(PacketError::MissingPayload),
            Some(b'{') => {}
            // Servers before protocol 5 refused with a bare string.
            Some(b'"') if !connect => {}
            Some(_) => return Err(PacketError::NotAnObject),
        }
        let end = skip_value(bytes, start, &mut Ignore)?;
        expect_end(bytes, end)?;
        Ok(Self {
            payload: Span::new(start, end),
            ..Self::default()
        })
    }

    #[inline]
    fn of_array(text: &str, header: &Header, watch: &mut impl Watch) -> Result<Self, PacketError> {
        let bytes = text.as_bytes();
        let start = skip_whitespace(bytes, header.payload as usize);
        match bytes.get(start) {
            Some(b'[') => {}
            Some(_) => return Err(PacketError::NotAnArray),
            None => return Err(PacketError::MissingPayload),
        }
        let mut at = skip_whitespace(bytes, start + 1);
        let mut more = bytes.get(at) != Some(&b']');
        let mut name = Span::default();
        if header.packet_type == PacketType::Event {
            name = parse_name(text, at)?;
            at = skip_whitespace(bytes, name.end as usize);
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
        expect_end(bytes, at + 1)?;
        Ok(Self {
            payload: Span::new(start, at + 1),
            name,
            arguments: Span::new(begin, end),
        })
    }
}

/// The name of an event, which begins at `at`.
#[inline]
fn parse_name(text: &str, at: usize) -> Result<Span, PacketError> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return Err(PacketError::EventName);
    }
    let end = skip_string(bytes, at)?;
    if is_reserved(&text[at..end]) {
        return Err(PacketError::ReservedName);
    }
    Ok(Span::new(at, end))
}

/// An argument of an event or acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument<'p> {
    /// JSON text, with the placeholders of binary values that are inside it.
    Json(&'p str),
    /// A binary value.
    Binary(&'p Bytes),
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
    if inner.as_bytes().contains(&b'\\') {
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
