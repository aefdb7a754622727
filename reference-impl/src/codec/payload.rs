//! The body of a poll: packets with a record separator between them.

use super::{engine_packet::EnginePacket, error::EngineDecodeError, text::find_byte};

/// What stands between two packets of a payload. JSON escapes it, so no packet contains it.
const SEPARATOR: u8 = 0x1e;

/// Decodes a payload packet by packet. What follows the first error is not looked at.
pub fn decode_payload(body: &str) -> PayloadPackets<'_> {
    PayloadPackets { rest: Some(body) }
}

/// Joins packets into a payload.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = EnginePacket<'a>>) -> String {
    let mut body = String::new();
    for (index, packet) in packets.into_iter().enumerate() {
        if index > 0 {
            body.push(char::from(SEPARATOR));
        }
        packet.encode_polled(&mut body);
    }
    body
}

/// The packets of a payload, in order.
#[derive(Clone, Debug)]
pub struct PayloadPackets<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for PayloadPackets<'a> {
    type Item = Result<EnginePacket<'a>, EngineDecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let text = match find_byte(rest.as_bytes(), SEPARATOR) {
            Some(end) => {
                self.rest = Some(&rest[end + 1..]);
                &rest[..end]
            }
            None => rest,
        };
        let packet = EnginePacket::decode_polled(text);
        if packet.is_err() {
            self.rest = None;
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::EnginePacketType::{self, Close, Message, Noop, Ping, Pong, Upgrade};

    fn packets(body: &str) -> Vec<Result<EnginePacket<'_>, EngineDecodeError>> {
        decode_payload(body).collect()
    }

    #[test]
    fn reads_packets_in_order() {
        assert_eq!(
            packets("4a\u{1e}bAQID\u{1e}2\u{1e}4\u{1e}b\u{1e}44"),
            [
                Ok(EnginePacket::Text(Message, "a")),
                Ok(EnginePacket::Binary(Bytes::from_static(&[1, 2, 3]))),
                Ok(EnginePacket::Text(Ping, "")),
                Ok(EnginePacket::Text(Message, "")),
                Ok(EnginePacket::Binary(Bytes::new())),
                Ok(EnginePacket::Text(Message, "4")),
            ]
        );
    }

    #[test]
    fn an_error_is_the_last_thing_read() {
        use EngineDecodeError as E;
        for (body, error) in [
            ("4a\u{1e}9\u{1e}4b", E::UnknownType('9')),
            ("4a\u{1e}", E::Empty),
            ("4a\u{1e}\u{1e}4b", E::Empty),
            ("4a\u{1e}bAQ\u{1e}4b", E::Base64),
            ("4a\u{1e}b!!!!", E::Base64),
            ("4a\u{1e}b-_-_", E::Base64),
            ("4a\u{1e}bAQ==x", E::Base64),
            ("4a\u{1e} 4b", E::UnknownType(' ')),
            ("4a\u{1e}\u{feff}4b", E::UnknownType('\u{feff}')),
            ("4a\u{1e}٤x", E::UnknownType('٤')),
        ] {
            assert_eq!(
                packets(body),
                [Ok(EnginePacket::Text(Message, "a")), Err(error)],
                "{body:?}"
            );
        }
        assert_eq!(packets(""), [Err(E::Empty)]);
        assert_eq!(packets("\u{1e}3"), [Err(E::Empty)]);
    }

    #[test]
    fn a_frame_holds_one_packet_and_no_base64() {
        assert_eq!(
            EnginePacket::decode_frame("4a\u{1e}4b"),
            Ok(EnginePacket::Text(Message, "a\u{1e}4b"))
        );
        assert_eq!(
            EnginePacket::decode_frame("bAQID"),
            Err(EngineDecodeError::UnknownType('b'))
        );
        assert_eq!(EnginePacket::decode_frame(""), Err(EngineDecodeError::Empty));
    }

    fn packet_parts() -> impl Strategy<Value = Result<(EnginePacketType, String), Vec<u8>>> {
        let kind = prop_oneof![
            Just(Close),
            Just(Ping),
            Just(Pong),
            Just(Message),
            Just(Upgrade),
            Just(Noop)
        ];
        prop_oneof![
            (kind, "[^\u{1e}]{0,12}").prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Err)
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(parts in prop::collection::vec(packet_parts(), 1..8)) {
            let packets: Vec<_> = parts.iter().map(|part| match part {
                Ok((kind, text)) => EnginePacket::Text(*kind, text),
                Err(bytes) => EnginePacket::Binary(Bytes::copy_from_slice(bytes)),
            }).collect();
            let body = encode_payload(packets.clone());
            prop_assert_eq!(decode_payload(&body).collect::<Result<Vec<_>, _>>(), Ok(packets));
        }

        #[test]
        fn no_payload_makes_it_panic(body in "[0-9ab\u{1e}=+/ ]{0,40}|\\PC{0,12}") {
            prop_assert!(decode_payload(&body).count() >= 1);
        }
    }
}
