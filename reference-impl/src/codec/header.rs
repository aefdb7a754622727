//! What stands before the payload of a Socket.IO packet: type, number of attachments, namespace, id.

use std::fmt;

use super::error::PacketError;

/// The most digits that an acknowledgement id may have, leading zeros not counted.
pub(super) const MAX_ID_DIGITS: usize = 100;

/// The type of a Socket.IO packet; whether it is binary is told by its attachments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PacketType {
    /// A client asks for a namespace, or a server grants it.
    Connect,
    /// Either side leaves a namespace.
    Disconnect,
    /// A named event (types 2 and 5).
    Event,
    /// The answer to an event (types 3 and 6).
    Ack,
    /// A server refuses a namespace.
    ConnectError,
}

/// The id that ties an acknowledgement to its event: any number of digits, kept exactly.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AckId(Digits);

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Digits {
    Small(u64),
    /// What does not fit, without leading zeros.
    Large(Box<str>),
}

impl AckId {
    /// The id as a number, if it fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Digits::Small(value) => Some(value),
            Digits::Large(_) => None,
        }
    }

    /// `digits` are ASCII digits, at least one.
    fn parse(digits: &str) -> Result<Self, PacketError> {
        let significant = digits.trim_start_matches('0');
        if significant.len() > MAX_ID_DIGITS {
            return Err(PacketError::IdTooLong);
        }
        let small = if significant.is_empty() {
            Some(0)
        } else {
            significant.parse().ok()
        };
        Ok(Self(small.map_or_else(
            || Digits::Large(significant.into()),
            Digits::Small,
        )))
    }
}

impl From<u64> for AckId {
    fn from(value: u64) -> Self {
        Self(Digits::Small(value))
    }
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Digits::Small(value) => write!(f, "{value}"),
            Digits::Large(digits) => f.write_str(digits),
        }
    }
}

/// A piece of a packet's text, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// The parsed header of a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) packet_type: PacketType,
    /// How many attachments follow; more than 0 exactly for the binary types.
    pub(super) attachments: u32,
    /// Empty for the main namespace when it was left out.
    pub(super) namespace: Span,
    pub(super) id: Option<AckId>,
    /// Where the payload begins, white space not yet skipped.
    pub(super) payload: u32,
}

impl Header {
    #[inline]
    pub(super) fn parse(text: &str, max_attachments: usize) -> Result<Self, PacketError> {
        let bytes = text.as_bytes();
        let (packet_type, binary) = match bytes.first() {
            Some(b'0') => (PacketType::Connect, false),
            Some(b'1') => (PacketType::Disconnect, false),
            Some(b'2') => (PacketType::Event, false),
            Some(b'3') => (PacketType::Ack, false),
            Some(b'4') => (PacketType::ConnectError, false),
            Some(b'5') => (PacketType::Event, true),
            Some(b'6') => (PacketType::Ack, true),
            _ => {
                return Err(text
                    .chars()
                    .next()
                    .map_or(PacketError::Empty, PacketError::UnknownType));
            }
        };
        let mut at = 1;
        let mut attachments = 0;
        if binary {
            (attachments, at) = parse_count(bytes, at, max_attachments)?;
        }
        let mut namespace = Span::default();
        if bytes.get(at) == Some(&b'/') {
            let end = bytes[at..]
                .iter()
                .position(|&byte| byte == b',')
                .map_or(bytes.len(), |length| at + length);
            namespace = Span::new(at, end);
            at = bytes.len().min(end + 1);
        }
        let digits = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let id = if digits > 0 {
            Some(AckId::parse(&text[at..at + digits])?)
        } else {
            None
        };
        Ok(Self {
            packet_type,
            attachments,
            namespace,
            id,
            payload: (at + digits) as u32,
        })
    }
}

/// Reads `<digits>-`; returns the number and the offset behind the dash.
fn parse_count(bytes: &[u8], start: usize, limit: usize) -> Result<(u32, usize), PacketError> {
    let digits = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 || bytes.get(start + digits) != Some(&b'-') {
        return Err(PacketError::AttachmentCount);
    }
    let count = bytes[start..start + digits].iter().fold(0_u32, |count, digit| {
        count.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    });
    match count {
        0 => Err(PacketError::NoAttachments),
        _ if count as usize > limit => Err(PacketError::TooManyAttachments { limit }),
        _ => Ok((count, start + digits + 1)),
    }
}
