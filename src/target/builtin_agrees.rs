//! Whether a target answered, letter for letter, what the codec of the reference would say: the quick look before any
//! value is made of the answer.

use super::builtin_codec;
use crate::suite::{Codec, Frame};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reference_impl::codec::{Decoder, EnginePacket, EnginePacketType, Packet, PacketType, decode_payload};
use serde_json::Value;

/// Whether these outcomes, JSON text each, are those of the reference for these frames. `false` says nothing: the values
/// may be the same in another form.
///
/// After an error of a Socket.IO decoder outcomes are free until it is reset.
pub fn agrees(codec: Codec, frames: &[Frame], outcomes: &[&str]) -> bool {
    match codec {
        Codec::EnginePacket => {
            let same = |(frame, outcome): (&Frame, &&str)| match frame {
                Frame::Text(text) => same_engine(EnginePacket::decode_frame(text).ok(), outcome),
                Frame::Binary(bytes) => {
                    same_engine(Some(EnginePacket::Binary(bytes.clone().into())), outcome)
                }
                Frame::Reset | Frame::Odd(_) => false,
            };
            frames.len() == outcomes.len() && frames.iter().zip(outcomes).all(same)
        }
        Codec::EnginePayload => {
            let Some(Frame::Text(body)) = frames.first() else {
                return false;
            };
            let mut outcomes = outcomes.iter();
            let all = decode_payload(body).all(|packet| {
                outcomes
                    .next()
                    .is_some_and(|outcome| same_engine(packet.ok(), outcome))
            });
            all && outcomes.next().is_none()
        }
        Codec::SocketPacket => same_socket(frames, outcomes),
    }
}

/// Whether these outcomes are the frames that the reference encodes this packet to, or it has no such packet.
pub fn agrees_encoded(codec: Codec, packet: &Value, outcomes: &[&str]) -> bool {
    let Ok(frames) = builtin_codec::encode(codec, packet) else {
        return true;
    };
    let mut rest = Rest(outcomes.first().copied().unwrap_or_default());
    let mut same = rest.eat("{\"frames\":[");
    for (index, frame) in frames.iter().enumerate() {
        same = same && (index == 0 || rest.eat(",")) && rest.eat(&frame.to_json().to_string());
    }
    same && rest.0 == "]}" && outcomes.len() == 1
}

fn same_engine(packet: Option<EnginePacket<'_>>, outcome: &str) -> bool {
    let Some(packet) = packet else {
        return is_error(outcome);
    };
    let mut rest = Rest(outcome);
    let (word, data) = match &packet {
        EnginePacket::Text(packet_type, data) => (word(*packet_type), *data),
        EnginePacket::Binary(bytes) => {
            return rest.eat("{\"packet\":{\"type\":\"message\",\"data\":{\"$binary\":\"")
                && rest.eat(&STANDARD.encode(bytes))
                && rest.0 == "\"}}}";
        }
    };
    if !(rest.eat("{\"packet\":{\"type\":\"") && rest.eat(word)) {
        return false;
    }
    if data.is_empty() && (rest.0 == "\"}}" || rest.0 == "\",\"data\":null}}") {
        return true;
    }
    rest.eat("\",\"data\":") && rest.eat_literal(data) && rest.0 == "}}"
}

fn word(packet_type: EnginePacketType) -> &'static str {
    match packet_type {
        EnginePacketType::Open => "open",
        EnginePacketType::Close => "close",
        EnginePacketType::Ping => "ping",
        EnginePacketType::Pong => "pong",
        EnginePacketType::Message => "message",
        EnginePacketType::Upgrade => "upgrade",
        EnginePacketType::Noop => "noop",
    }
}

fn same_socket(frames: &[Frame], outcomes: &[&str]) -> bool {
    let mut decoder = Decoder::default();
    let mut outcomes = outcomes.iter();
    let mut lost = false;
    for frame in frames {
        if *frame == Frame::Reset {
            decoder.reset();
            lost = false;
            continue;
        }
        let Some(outcome) = outcomes.next() else {
            return false;
        };
        if lost {
            continue;
        }
        let decoded = match frame {
            Frame::Text(text) => decoder.decode_text(text),
            Frame::Binary(bytes) => decoder.decode_binary(bytes.clone().into()),
            Frame::Reset | Frame::Odd(_) => return false,
        };
        let same = match decoded {
            Ok(None) => *outcome == "{\"wait\":true}",
            Ok(Some(packet)) => same_packet(&packet, outcome),
            Err(_) => {
                lost = true;
                is_error(outcome)
            }
        };
        if !same {
            return false;
        }
    }
    outcomes.next().is_none()
}

fn same_packet(packet: &Packet<'_>, outcome: &str) -> bool {
    let word = match packet.packet_type() {
        PacketType::Connect => "connect",
        PacketType::Disconnect => "disconnect",
        PacketType::Event => "event",
        PacketType::Ack => "ack",
        PacketType::ConnectError => "connect_error",
    };
    let mut rest = Rest(outcome);
    let front = rest.eat("{\"packet\":{\"type\":\"")
        && rest.eat(word)
        && rest.eat("\",\"nsp\":")
        && rest.eat_literal(packet.namespace());
    let id = packet
        .id()
        .is_none_or(|id| rest.eat(",\"id\":") && rest.eat(&id.to_string()));
    let data = packet
        .payload()
        .is_none_or(|payload| rest.eat(",\"data\":") && rest.eat_filled(payload, packet.attachments()));
    front && id && data && rest.0 == "}}"
}

fn is_error(outcome: &str) -> bool {
    outcome.starts_with("{\"error\":")
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Takes JSON text whose placeholders, in the form that encoders write, are replaced by attachments.
    fn eat_filled(&mut self, json: &str, attachments: &[Bytes]) -> bool {
        const PLACEHOLDER: &str = "{\"_placeholder\":true,\"num\":";
        if attachments.is_empty() {
            return self.eat(json);
        }
        let mut parts = json.split(PLACEHOLDER);
        let mut same = parts.next().is_some_and(|before| self.eat(before));
        for part in parts {
            let Some((num, behind)) = part.split_once('}') else {
                return false;
            };
            let attachment = num.parse().ok().and_then(|num: usize| attachments.get(num));
            same = same
                && self.eat("{\"$binary\":\"")
                && attachment.is_some_and(|bytes| self.eat(&STANDARD.encode(bytes)))
                && self.eat("\"}")
                && self.eat(behind);
        }
        same
    }

    /// Takes a string literal that says `text`, if it needs no escape.
    fn eat_literal(&mut self, text: &str) -> bool {
        let plain = !text
            .bytes()
            .any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        plain && self.eat("\"") && self.eat(text) && self.eat("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(text: &str) -> Frame {
        Frame::Text(text.to_owned())
    }

    #[test]
    fn what_the_reference_says_is_known_again_and_nothing_else() {
        let event = "{\"packet\":{\"type\":\"event\",\"nsp\":\"/a\",\"id\":7,\"data\":[\"a\",{\"b\":1}]}}";
        let frames = [text("2/a,7[\"a\",{\"b\":1}]")];
        assert!(agrees(Codec::SocketPacket, &frames, &[event]));
        for (from, to) in [
            ("/a", "/"),
            (":7", ":8"),
            ("1}", "2}"),
            ("event", "ack"),
            ("}}", "},\"x\":1}"),
        ] {
            let other = event.replacen(from, to, 1);
            assert!(!agrees(Codec::SocketPacket, &frames, &[&other]), "{other}");
        }
        assert!(!agrees(Codec::SocketPacket, &frames, &[event, event]));
        assert!(!agrees(Codec::SocketPacket, &frames, &[]));
    }

    #[test]
    fn attachments_stand_in_their_places() {
        let place = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        let header = text(&format!("52-[\"a\",{},[{}]]", place(1), place(0)));
        let frames = [header, Frame::Binary(vec![1]), Frame::Binary(vec![2])];
        let wait = "{\"wait\":true}";
        let event = "{\"packet\":{\"type\":\"event\",\"nsp\":\"/\",\"data\":[\"a\",{\"$binary\":\"Ag==\"},[{\"$binary\":\"AQ==\"}]]}}";
        assert!(agrees(Codec::SocketPacket, &frames, &[wait, wait, event]));
        let swapped = event.replace("Ag", "x").replace("AQ", "Ag").replace('x', "AQ");
        for other in [&swapped, &event.replace("]]", "]"), &event.replace("[{", "[{{")] {
            assert!(
                !agrees(Codec::SocketPacket, &frames, &[wait, wait, other]),
                "{other}"
            );
        }
    }

    #[test]
    fn frames_of_an_encoder_are_known_again() {
        let packet = json!({ "type": "event", "data": ["a", { "$binary": "AQ==" }] });
        let frames = "{\"frames\":[\"51-[\\\"a\\\",{\\\"_placeholder\\\":true,\\\"num\\\":0}]\",{\"$binary\":\"AQ==\"}]}";
        assert!(agrees_encoded(Codec::SocketPacket, &packet, &[frames]));
        for other in [
            frames.replace("AQ", "AA"),
            frames.replace("51", "52"),
            frames.replace(",{\"$binary\":\"AQ==\"}", ""),
        ] {
            assert!(
                !agrees_encoded(Codec::SocketPacket, &packet, &[&other]),
                "{other}"
            );
        }
        assert!(!agrees_encoded(
            Codec::SocketPacket,
            &packet,
            &["{\"error\":\"no\"}"]
        ));
        assert!(!agrees_encoded(Codec::SocketPacket, &packet, &[]));
    }

    #[test]
    fn after_an_error_all_is_free_until_a_reset() {
        let frames = [text("7"), text("0"), Frame::Reset, text("1")];
        let (error, leave) = (
            "{\"error\":\"no\"}",
            "{\"packet\":{\"type\":\"disconnect\",\"nsp\":\"/\"}}",
        );
        assert!(agrees(
            Codec::SocketPacket,
            &frames,
            &[error, "{\"wait\":true}", leave]
        ));
        assert!(!agrees(Codec::SocketPacket, &frames, &[error, leave, error]));
        assert!(!agrees(Codec::SocketPacket, &frames, &[leave, leave, leave]));
    }

    #[test]
    fn packets_of_engine_io_may_leave_out_empty_data() {
        let body = [text("2\u{1e}4hi\u{1e}bAQ==\u{1e}x")];
        let hi = "{\"packet\":{\"type\":\"message\",\"data\":\"hi\"}}";
        let bytes = "{\"packet\":{\"type\":\"message\",\"data\":{\"$binary\":\"AQ==\"}}}";
        for ping in [
            "{\"packet\":{\"type\":\"ping\"}}",
            "{\"packet\":{\"type\":\"ping\",\"data\":\"\"}}",
        ] {
            assert!(agrees(
                Codec::EnginePayload,
                &body,
                &[ping, hi, bytes, "{\"error\":\"no\"}"]
            ));
            assert!(!agrees(Codec::EnginePayload, &body, &[ping, hi, bytes]));
            assert!(!agrees(
                Codec::EnginePayload,
                &body,
                &[ping, bytes, hi, "{\"error\":\"no\"}"]
            ));
        }
        assert!(agrees(Codec::EnginePacket, &[Frame::Binary(vec![1])], &[bytes]));
        assert!(!agrees(Codec::EnginePacket, &[text("4ha")], &[hi]));
    }
}
