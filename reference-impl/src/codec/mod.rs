//! The codec: Engine.IO packets, polling payloads and Socket.IO packets, text in and text out.
//!
//! Nothing here performs I/O, keeps time or panics on input. Decoding borrows from the input, looks at every byte once
//! and allocates in proportion to what it was given, whatever a header claims. JSON stays text: it is validated, never
//! built into a tree, so that depth, big numbers and odd escapes pass through unchanged.

mod arguments;
mod decoder;
mod encode;
mod engine_packet;
mod error;
mod header;
mod json;
mod payload;
mod placeholder;
mod socket_packet;
mod text;

pub use arguments::{Arguments, Piece};
pub use decoder::{DEFAULT_MAX_ATTACHMENTS, Decoder};
pub use encode::{
    Encoded, encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event,
};
pub use engine_packet::{EnginePacket, EnginePacketType};
pub use error::{EngineDecodeError, PacketError};
pub use header::{AckId, PacketType};
pub use json::{JsonError, MAX_JSON_LEN, field as json_field, validate as validate_json};
pub use payload::{PayloadPackets, decode_payload, encode_payload};
pub use socket_packet::{Argument, ArgumentIter, Packet, is_reserved_name};
pub use text::{quote, unquote};
