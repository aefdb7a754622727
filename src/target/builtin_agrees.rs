//! Whether a target answered, letter for letter, what the codec of the reference would say: the quick look before any
//! value is made of the answer.

use super::builtin_codec::{self, engine_word};
use super::raw::{RawFrame, RawFrames};
use super::rest::Rest;
use crate::suite::{Codec, Frame};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reference_impl::codec::{Decoder, EnginePacket, Packet, PacketType, decode_payload, quote};
use serde_json::Value;

/// Takes the outcomes of an input from an answer, if they are those of the reference for these frames. `false` says
/// nothing: the values may be the same in another form.
///
/// After an error of a Socket.IO decoder outcomes are free until it is reset; where the target has nothing of the kind
/// there is nothing to compare.
pub fn agrees(codec: Codec, frames: RawFrames<'_>, rest: &mut Rest<'_>) -> bool {
    rest.eat("[")
        && match codec {
            Codec::EnginePacket => same_engine_frames(frames, rest),
            Codec::EnginePayload => same_body(frames, rest),
            Codec::SocketPacket => same_socket(frames, rest),
        }
        && rest.eat("]")
}

/// The same for a packet that is encoded: `answer` is what [`answer_encoded`] wrote. A packet that the reference has not is
/// anybody's affair.
pub fn agrees_encoded(answer: Option<&str>, rest: &mut Rest<'_>) -> bool {
    match answer {
        None => rest.eat_any(),
        Some(answer) => rest.eat(answer) || rest.eat("[") && is_unsupported(rest) && rest.eat("]"),
    }
}

/// Writes, in place of other text, what a driver would answer that encodes this packet as the reference does. `false` where
/// the reference has no such packet.
pub fn answer_encoded(codec: Codec, packet: &Value, answer: &mut String) -> bool {
    answer.clear();
    let Ok(frames) = builtin_codec::encode(codec, packet) else {
        return false;
    };
    answer.push_str("[{\"frames\":[");
    for (index, frame) in frames.iter().enumerate() {
        if index > 0 {
            answer.push(',');
        }
        push_frame(frame, answer);
    }
    answer.push_str("]}]");
    true
}

fn same_engine_frames(mut frames: RawFrames<'_>, rest: &mut Rest<'_>) -> bool {
    let mut first = true;
    frames.all(|frame| {
        (std::mem::take(&mut first) || rest.eat(","))
            && match frame {
                RawFrame::Text(text) => same_engine(EnginePacket::decode_frame(text).ok(), rest),
                RawFrame::Binary(bytes) => same_message(bytes, rest),
                RawFrame::Reset => false,
            }
    })
}

fn same_body(mut frames: RawFrames<'_>, rest: &mut Rest<'_>) -> bool {
    let Some(RawFrame::Text(body)) = frames.next() else {
        return false;
    };
    decode_payload(body)
        .enumerate()
        .all(|(index, packet)| (index == 0 || rest.eat(",")) && same_engine(packet.ok(), rest))
}

fn same_message(bytes: &[u8], rest: &mut Rest<'_>) -> bool {
    rest.eat("{\"packet\":{\"type\":\"message\",\"data\":") && rest.eat_bytes(bytes) && rest.eat("}}")
}

fn same_engine(packet: Option<EnginePacket<'_>>, rest: &mut Rest<'_>) -> bool {
    let (word, data) = match &packet {
        None => return is_error(rest),
        Some(EnginePacket::Text(packet_type, data)) => (engine_word(*packet_type), *data),
        Some(EnginePacket::Binary(bytes)) => return same_message(bytes, rest),
    };
    if !(rest.eat("{\"packet\":{\"type\":\"") && rest.eat(word)) {
        return false;
    }
    if data.is_empty() && (rest.eat("\"}}") || rest.eat("\",\"data\":null}}")) {
        return true;
    }
    rest.eat("\",\"data\":") && rest.eat_literal(data) && rest.eat("}}")
}

fn same_socket(frames: RawFrames<'_>, rest: &mut Rest<'_>) -> bool {
    let mut decoder = Decoder::default();
    let (mut first, mut lost, mut free) = (true, false, false);
    for frame in frames {
        if frame == RawFrame::Reset {
            decoder.reset();
            lost = free;
            continue;
        }
        if !(std::mem::take(&mut first) || rest.eat(",")) {
            return false;
        }
        let decoded = match frame {
            _ if lost => {
                if !rest.eat_any() {
                    return false;
                }
                continue;
            }
            _ if is_unsupported(rest) => {
                (lost, free) = (true, true);
                continue;
            }
            RawFrame::Text(text) => decoder.decode_text(text),
            RawFrame::Binary(bytes) => decoder.decode_binary(Bytes::copy_from_slice(bytes)),
            RawFrame::Reset => return false,
        };
        let same = match decoded {
            Ok(None) => rest.eat("{\"wait\":true}"),
            Ok(Some(packet)) => same_packet(&packet, rest),
            Err(_) => {
                lost = true;
                is_error(rest)
            }
        };
        if !same {
            return false;
        }
    }
    true
}

fn same_packet(packet: &Packet<'_>, rest: &mut Rest<'_>) -> bool {
    let front = match packet.packet_type() {
        PacketType::Connect => "{\"packet\":{\"type\":\"connect\",\"nsp\":",
        PacketType::Disconnect => "{\"packet\":{\"type\":\"disconnect\",\"nsp\":",
        PacketType::Event => "{\"packet\":{\"type\":\"event\",\"nsp\":",
        PacketType::Ack => "{\"packet\":{\"type\":\"ack\",\"nsp\":",
        PacketType::ConnectError => "{\"packet\":{\"type\":\"connect_error\",\"nsp\":",
    };
    rest.eat(front)
        && rest.eat_literal(packet.namespace())
        && packet
            .id()
            .is_none_or(|id| rest.eat(",\"id\":") && rest.eat(&id.to_string()))
        && packet
            .payload()
            .is_none_or(|payload| rest.eat(",\"data\":") && rest.eat_json(payload, packet.attachments()))
        && rest.eat("}}")
}

/// Appends bytes as the driver protocol has them.
pub fn push_bytes(bytes: &[u8], json: &mut String) {
    json.push_str("{\"$binary\":\"");
    STANDARD.encode_string(bytes, json);
    json.push_str("\"}");
}

/// Appends a frame as drivers write it.
fn push_frame(frame: &Frame, answer: &mut String) {
    match frame {
        Frame::Text(text) => quote(answer, text),
        Frame::Binary(bytes) => push_bytes(bytes, answer),
        // An encoder gives nothing else.
        Frame::Reset | Frame::Odd(_) => answer.push_str("null"),
    }
}

/// Takes an error, whatever it says.
fn is_error(rest: &mut Rest<'_>) -> bool {
    rest.eat("{\"error\":\"") && rest.eat_rest_of_literal() && rest.eat("}")
}

/// Takes the word that the target has nothing of the kind.
fn is_unsupported(rest: &mut Rest<'_>) -> bool {
    rest.eat("{\"unsupported\":\"") && rest.eat_rest_of_literal() && rest.eat("}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::RawInputs;
    use serde_json::json;

    fn text(text: &str) -> Frame {
        Frame::Text(text.to_owned())
    }

    fn agrees(codec: Codec, frames: &[Frame], outcomes: &[&str]) -> bool {
        let text = format!("[{}]", outcomes.join(","));
        let (mut rest, mut raw) = (Rest::new(&text), RawInputs::default());
        raw.push(frames) && super::agrees(codec, raw.frames(0), &mut rest) && rest.is_empty()
    }

    fn agrees_encoded(codec: Codec, packet: &Value, outcomes: &[&str]) -> bool {
        let text = format!("[{}]", outcomes.join(","));
        let (mut rest, mut answer) = (Rest::new(&text), String::new());
        let known = answer_encoded(codec, packet, &mut answer);
        super::agrees_encoded(known.then_some(&*answer), &mut rest) && rest.is_empty()
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
        let unsupported = "{\"unsupported\":\"no \\\"a\\\"\"}";
        assert!(agrees_encoded(Codec::SocketPacket, &packet, &[unsupported]));
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
    fn what_a_target_has_not_leaves_nothing_to_compare() {
        let frames = [text("1"), text("4{}"), Frame::Reset, text("1")];
        let (leave, unsupported) = (
            "{\"packet\":{\"type\":\"disconnect\",\"nsp\":\"/\"}}",
            "{\"unsupported\":\"no\"}",
        );
        let wait = "{\"wait\":true}";
        let agrees = |outcomes: &[&str]| agrees(Codec::SocketPacket, &frames, outcomes);
        assert!(agrees(&[leave, unsupported, leave]) && agrees(&[leave, unsupported, wait]));
        assert!(!agrees(&[wait, unsupported, leave]) && !agrees(&[leave, unsupported]));
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
