//! Polling payloads: packets joined into one HTTP body, and taken apart again.
//!
//! Owns the separator and the base64 of binary packets. Shares nothing with the reference's codec, so that a mistake
//! there is seen here. What a packet means is not looked at.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What stands between two packets.
const SEPARATOR: u8 = 0x1e;

/// The standard alphabet, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An Engine.IO packet, as it is sent: a text with its type in front, or the bytes of a binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// `4hello`, or any other bytes that go where a text belongs.
    Text(Vec<u8>),
    /// The bytes of a binary message.
    Binary(Vec<u8>),
}

impl Packet {
    /// Its part of a payload.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Binary(bytes) => format!("b{}", BASE64.encode(bytes)).into_bytes(),
        }
    }
}

/// Joins encoded packets.
pub(super) fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.join(&SEPARATOR)
}

/// Takes a body apart. `None` where it is not UTF-8 and so no payload.
///
/// A part that begins with `b` and is not base64 stays a text, as it came.
pub fn split(body: &[u8]) -> Option<Vec<Packet>> {
    std::str::from_utf8(body).ok()?;
    let packet = |part: &[u8]| match part.strip_prefix(b"b").map(|encoded| BASE64.decode(encoded)) {
        Some(Ok(bytes)) => Packet::Binary(bytes),
        Some(Err(_)) | None => Packet::Text(part.to_vec()),
    };
    Some(body.split(|byte| *byte == SEPARATOR).map(packet).collect())
}

/// The same, but what is no padded base64 of the standard alphabet stays a text, as it came.
pub(super) fn split_strictly(body: &[u8]) -> Option<Vec<Packet>> {
    let parts = body.split(|byte| *byte == SEPARATOR);
    let as_it_came = |(packet, part): (Packet, &[u8])| match packet {
        Packet::Binary(_) if packet.encode() != part => Packet::Text(part.to_vec()),
        packet => packet,
    };
    Some(split(body)?.into_iter().zip(parts).map(as_it_came).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Packet {
        Packet::Text(text.into())
    }

    #[test]
    fn the_example_of_the_protocol_document_is_read() {
        assert_eq!(
            split(b"4hello\x1e2\x1e4world"),
            Some(vec![text("4hello"), text("2"), text("4world")])
        );
        assert_eq!(
            split(b"4hello\x1ebAQIDBA=="),
            Some(vec![text("4hello"), Packet::Binary(vec![1, 2, 3, 4])])
        );
    }

    #[test]
    fn base64_needs_no_padding_and_its_failure_loses_nothing() {
        assert_eq!(split(b"bAQIDBA"), Some(vec![Packet::Binary(vec![1, 2, 3, 4])]));
        assert_eq!(split(b"b"), Some(vec![Packet::Binary(vec![])]));
        assert_eq!(split(b"b+_"), Some(vec![text("b+_")]));
    }

    #[test]
    fn base64_without_its_padding_may_be_no_base64() {
        let padded = Packet::Binary(vec![0xfb, 0xff]);
        assert_eq!(split_strictly(b"b+/8=\x1e4x"), Some(vec![padded, text("4x")]));
        assert_eq!(split_strictly(b"b+/8"), Some(vec![text("b+/8")]));
    }

    #[test]
    fn empty_packets_are_seen() {
        assert_eq!(split(b""), Some(vec![text("")]));
        assert_eq!(split(b"2\x1e"), Some(vec![text("2"), text("")]));
    }

    #[test]
    fn a_body_that_is_not_utf8_is_no_payload() {
        assert_eq!(split(b"4\xff"), None);
    }

    #[test]
    fn what_is_joined_comes_apart_again() {
        let packets = vec![text("2probe"), Packet::Binary((0..=255).collect()), text("4€")];
        let parts: Vec<_> = packets.iter().map(Packet::encode).collect();
        assert_eq!(split(&join(&parts)), Some(packets));
    }
}
