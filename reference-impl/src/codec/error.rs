//! What can be wrong with bytes from the wire, each variant one broken rule.

use thiserror::Error;

use super::json::JsonError;

/// Why a text is not an Engine.IO packet.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub enum EngineDecodeError {
    /// A packet of no characters at all, such as one between two separators.
    #[error("decode an Engine.IO packet: it is empty, expected a type digit 0..6")]
    Empty,
    /// The first character is not a packet type.
    #[error("decode an Engine.IO packet: it begins with {0:?}, expected a type digit 0..6")]
    UnknownType(char),
    /// A `b` packet whose rest is not padded base64 of the standard alphabet.
    #[error("decode an Engine.IO packet: what follows `b` is not padded standard base64")]
    Base64,
}

/// Why a text or binary message is not (the next part of) a Socket.IO packet.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub enum PacketError {
    /// A message of no characters.
    #[error("decode a Socket.IO packet: it is empty, expected a type digit 0..6")]
    Empty,
    /// The first character is not a packet type.
    #[error("decode a Socket.IO packet: it begins with {0:?}, expected a type digit 0..6")]
    UnknownType(char),
    /// A text longer than the offsets of a packet can express (4 GiB).
    #[error("decode a Socket.IO packet: it is longer than {limit} bytes", limit = super::json::MAX_JSON_LEN)]
    TooLong,
    /// A binary type without `<digits>-` behind it.
    #[error(
        "decode a Socket.IO packet: a binary type needs the number of attachments and a dash, as in `51-`"
    )]
    AttachmentCount,
    /// A binary type that announces no attachment.
    #[error("decode a Socket.IO packet: a binary type announces at least one attachment")]
    NoAttachments,
    /// More attachments announced than the receiver allows.
    #[error("decode a Socket.IO packet: more than {limit} attachments announced")]
    TooManyAttachments {
        /// The receiver's limit.
        limit: usize,
    },
    /// An acknowledgement id of more digits than anybody counts.
    #[error("decode a Socket.IO packet: an acknowledgement id of more than {limit} digits", limit = super::header::MAX_ID_DIGITS)]
    IdTooLong,
    /// An ACK without id.
    #[error("decode a Socket.IO packet: an ACK needs the id of the event that it acknowledges")]
    MissingId,
    /// A type whose payload is mandatory came without one.
    #[error("decode a Socket.IO packet: the payload is missing")]
    MissingPayload,
    /// A DISCONNECT with something behind its namespace.
    #[error("decode a Socket.IO packet: a DISCONNECT carries nothing but its namespace")]
    UnexpectedPayload,
    /// The payload of a CONNECT is not an object, or that of a CONNECT_ERROR neither object nor string.
    #[error("decode a Socket.IO packet: the payload is not an object")]
    NotAnObject,
    /// The payload of an EVENT or ACK is not an array.
    #[error("decode a Socket.IO packet: the payload is not an array")]
    NotAnArray,
    /// The first element of an event is missing or is not a string.
    #[error("decode a Socket.IO packet: the first element of an event is its name, a string")]
    EventName,
    /// An event with a name that the library itself uses.
    #[error("decode a Socket.IO packet: the name of the event is reserved")]
    ReservedName,
    /// The payload is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Something stands behind a complete payload.
    #[error("decode a Socket.IO packet: unexpected text behind the payload, at byte {0}")]
    Trailing(usize),
    /// A placeholder whose `num` is not the index of an announced attachment.
    #[error("decode a Socket.IO packet: a placeholder does not name one of the announced attachments")]
    Placeholder,
    /// A text message where an attachment was due.
    #[error("decode a Socket.IO packet: a text message came while {0} attachments were still due")]
    TextInsteadOfAttachment(usize),
    /// A binary message where none was announced.
    #[error("decode a Socket.IO packet: a binary message came that no header announced")]
    UnexpectedAttachment,
}
