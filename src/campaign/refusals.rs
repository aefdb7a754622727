//! Why the reference refuses an input, as the rule that a codec breaks which accepts it; and the rules of what it accepts.

use super::found::slug;
use super::texts;
use crate::suite::Codec;
use std::borrow::Cow;

/// How reasons begin, as the reference gives them, for which first letters of a packet (any if empty), what the class calls it, and the rule.
const SOCKET: [(&str, &str, &str, &str); 26] = [
    ("it is empty", "", "empty", "codec.sio.decode.empty-string"),
    (
        "it begins with",
        "",
        "unknown-type",
        "codec.sio.decode.unknown-type",
    ),
    (
        "a binary type needs the number of attachments",
        "",
        "count",
        "codec.sio.decode.binary-count-bad",
    ),
    (
        "a binary type announces at least one attachment",
        "",
        "no-attachments",
        "codec.sio.decode.binary-zero",
    ),
    (
        "more than",
        "",
        "too-many-attachments",
        "codec.sio.decode.binary-too-many",
    ),
    (
        "an acknowledgement id of more",
        "",
        "id-too-long",
        "codec.sio.decode.id-too-long",
    ),
    (
        "an ACK needs the id",
        "",
        "ack-no-id",
        "codec.sio.decode.ack-no-id",
    ),
    (
        "the payload is missing",
        "2",
        "event-no-payload",
        "codec.sio.decode.event-no-payload",
    ),
    (
        "the payload is missing",
        "3",
        "ack-no-payload",
        "codec.sio.decode.ack-no-payload",
    ),
    (
        "the payload is missing",
        "56",
        "binary-no-payload",
        "codec.sio.decode.binary-no-payload",
    ),
    (
        "the payload is missing",
        "4",
        "connect-error-no-payload",
        "codec.sio.decode.connect-error-array-null",
    ),
    (
        "a DISCONNECT carries nothing but its namespace",
        "",
        "disconnect-payload",
        "codec.sio.decode.disconnect-payload",
    ),
    (
        "the payload is not an object",
        "0",
        "connect-payload",
        "codec.sio.decode.connect-array",
    ),
    (
        "the payload is not an object",
        "4",
        "connect-error-payload",
        "codec.sio.decode.connect-error-array-null",
    ),
    (
        "the payload is not an array",
        "2",
        "event-no-list",
        "codec.sio.decode.event-object",
    ),
    (
        "the payload is not an array",
        "3",
        "ack-no-list",
        "codec.sio.decode.ack-non-array",
    ),
    (
        "the payload is not an array",
        "56",
        "binary-no-list",
        "codec.sio.decode.binary-object",
    ),
    (
        "the first element of an event is its name",
        "2",
        "event-name",
        "codec.sio.decode.event-name-types",
    ),
    (
        "the first element of an event is its name",
        "5",
        "binary-event-name",
        "codec.sio.decode.binary-name-placeholder",
    ),
    (
        "the name of the event is reserved",
        "",
        "event-reserved",
        "codec.sio.decode.event-reserved",
    ),
    (
        "unexpected text behind the payload",
        "",
        "event-trailing",
        "codec.sio.decode.event-trailing",
    ),
    (
        "a placeholder does not name one of the announced",
        "",
        "placeholder",
        "codec.sio.decode.binary-num-oob",
    ),
    (
        "a text message came while",
        "",
        "text-for-attachment",
        "codec.sio.decode.text-while-reconstructing",
    ),
    (
        "a binary message came that no header announced",
        "",
        "lone-binary",
        "codec.sio.decode.lone-binary",
    ),
    (
        "decode JSON: expected",
        "0",
        "json",
        "codec.sio.decode.connect-object",
    ),
    (
        "decode JSON: expected",
        "",
        "json",
        "codec.sio.decode.event-truncated",
    ),
];

/// The reason alone of what the reference says.
pub(super) fn reason(why: &str) -> &str {
    let packet = ["decode a Socket.IO packet: ", "decode an Engine.IO packet: "];
    packet
        .iter()
        .find_map(|said| why.strip_prefix(said))
        .unwrap_or(why)
}

/// The aspect and the rule of a refusal of the reference: `text` is what it refused, `why` what it said.
pub(super) fn of(codec: Codec, text: &str, why: &str) -> (Cow<'static, str>, &'static str) {
    let why = reason(why);
    if codec != Codec::SocketPacket {
        return of_engine(codec, why);
    }
    if why.starts_with("the first element of an event is its name") && is_empty_list(text) {
        return ("event-empty-list".into(), "codec.sio.decode.event-empty-array");
    }
    if why.starts_with("a placeholder does not name one") && has_fraction(text) {
        return (
            "placeholder-fraction".into(),
            "codec.sio.decode.binary-num-fraction",
        );
    }
    let first = text.chars().next();
    let fits = |(words, letters, ..): &&(&str, &str, &str, &str)| {
        why.starts_with(words) && (letters.is_empty() || first.is_some_and(|first| letters.contains(first)))
    };
    let Some((_, _, aspect, rule)) = SOCKET.iter().find(fits) else {
        return (slug(why).into(), "codec.sio.cross.fuzz");
    };
    if *aspect != "json" {
        return ((*aspect).into(), rule);
    }
    let expected = why
        .split("expected ")
        .nth(1)
        .and_then(|rest| rest.split(" at byte").next());
    let aspect = match expected.unwrap_or_default() {
        "`,` or `]`" => "json-list".into(),
        "`,` or `}`" => "json-object".into(),
        other => format!("json-{}", slug(other)).into(),
    };
    (aspect, rule)
}

/// Whether the JSON of a packet begins with a list that has no element.
fn is_empty_list(text: &str) -> bool {
    let behind = text.split_once('[').map_or("", |(_, behind)| behind);
    behind
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with(']')
}

/// Whether the number of a placeholder is not whole.
fn has_fraction(text: &str) -> bool {
    texts::numbers(text).any(|number| number.parse::<f64>().is_ok_and(|number| number.fract() != 0.0))
}

fn of_engine(codec: Codec, why: &str) -> (Cow<'static, str>, &'static str) {
    if why.starts_with("it is empty") {
        let rule = match codec {
            Codec::EnginePayload => "codec.eio.decode.payload-empty",
            _ => "codec.eio.decode.empty",
        };
        return ("empty".into(), rule);
    }
    if why.starts_with("what follows `b`") {
        return ("base64".into(), "codec.eio.decode.base64-garbage");
    }
    let first = why
        .strip_prefix("it begins with '")
        .and_then(|rest| rest.chars().next());
    let (aspect, rule) = match first {
        Some('0'..='9') => ("unknown-digit", "codec.eio.decode.unknown-digit"),
        Some(c) if c.is_numeric() => ("non-ascii-digit", "codec.eio.decode.non-ascii-digit"),
        _ => ("unknown-letter", "codec.eio.decode.unknown-letter"),
    };
    (aspect.into(), rule)
}

/// The rule of a packet that the reference decodes, by the word of its type.
pub(super) fn rule_of_packet(codec: Codec, word: &str) -> &'static str {
    match (codec, word) {
        (Codec::EnginePayload, _) => "codec.eio.decode.payload-two",
        (Codec::EnginePacket, "message") => "codec.eio.decode.message",
        (Codec::EnginePacket, _) => "codec.eio.decode.type-only",
        (Codec::SocketPacket, "connect") => "codec.sio.decode.connect",
        (Codec::SocketPacket, "disconnect") => "codec.sio.decode.disconnect",
        (Codec::SocketPacket, "event") => "codec.sio.decode.event",
        (Codec::SocketPacket, "ack") => "codec.sio.decode.ack",
        (Codec::SocketPacket, "connect_error") => "codec.sio.decode.connect-error",
        (Codec::SocketPacket, "binary-event") => "codec.sio.decode.binary-one",
        (Codec::SocketPacket, "binary-ack") => "codec.sio.decode.binary-ack-one",
        (Codec::SocketPacket, _) => "codec.sio.cross.fuzz",
    }
}

/// The rule of a packet that is encoded, by the word of its type.
pub(super) fn rule_of_encoder(codec: Codec, word: &str) -> &'static str {
    match (codec, word) {
        (Codec::EnginePacket | Codec::EnginePayload, _) => "codec.eio.roundtrip.fuzz",
        (Codec::SocketPacket, "connect") => "codec.sio.encode.connect",
        (Codec::SocketPacket, "disconnect") => "codec.sio.encode.disconnect",
        (Codec::SocketPacket, "event") => "codec.sio.encode.event",
        (Codec::SocketPacket, "ack") => "codec.sio.encode.ack",
        (Codec::SocketPacket, "connect_error") => "codec.sio.encode.connect-error",
        (Codec::SocketPacket, _) => "codec.sio.roundtrip.fuzz",
    }
}

/// The rule of a codec that does not survive an input.
pub(super) fn rule_of_end(codec: Codec) -> &'static str {
    match codec {
        Codec::EnginePacket | Codec::EnginePayload => "codec.eio.roundtrip.fuzz",
        Codec::SocketPacket => "codec.sio.roundtrip.fuzz",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Operation, Outcome, load_builtin};
    use crate::target::{Batch, CodecTarget};

    #[tokio::test]
    async fn every_refusal_of_a_vector_by_the_reference_has_a_rule_that_there_is() {
        let corpus = load_builtin();
        let mut reference = CodecTarget::builtin().start().await.unwrap();
        let mut refused = 0;
        for vector in &corpus.vectors {
            let Operation::Decode(frames) = &vector.operation else {
                continue;
            };
            let input = super::super::input::Input::frames(vector.codec, frames.clone());
            let batch = Batch {
                codec: vector.codec,
                encode: false,
                without_data: true,
                repeat: 1,
                inputs: vec![input.to_json()],
            };
            for outcome in &reference.ask(&batch).await.unwrap()[0] {
                let Outcome::Error(why) = outcome else { continue };
                for first in ["0", "2[]", "2", "3", "4", "51-", "6"] {
                    let (aspect, rule) = of(vector.codec, first, why);
                    assert!(corpus.rules.get(rule).is_some(), "{rule}");
                    assert!(!aspect.is_empty(), "{why}");
                    refused += 1;
                }
                if let Some(crate::suite::Frame::Text(text)) = frames.first() {
                    let (_, rule) = of(vector.codec, text, why);
                    assert_ne!(rule, "codec.sio.cross.fuzz", "{text}: {why}");
                }
            }
        }
        assert!(refused > 500, "{refused}");
    }

    #[test]
    fn the_rules_of_packets_are_rules() {
        let rules = load_builtin().rules;
        let words = [
            "connect",
            "disconnect",
            "event",
            "ack",
            "connect_error",
            "message",
            "ping",
            "binary-event",
            "binary-ack",
            "?",
        ];
        for codec in Codec::ALL {
            for word in words {
                for rule in [
                    rule_of_packet(codec, word),
                    rule_of_encoder(codec, word),
                    rule_of_end(codec),
                ] {
                    assert!(rules.get(rule).is_some(), "{rule}");
                }
            }
        }
    }
}
