//! Where two codecs may differ: the agreed freedoms, each with the rule that grants it and the reason.

use super::alike::same_number;
use super::refusals;
use super::repeated::repeats_member;
use super::texts::{
    JSON_SPACE, as_float, has_digits, has_exotic_number, has_exponent, has_lone_surrogate,
    has_odd_placeholder, header, is_exotic_count, looks_like, without_prototype,
};
use crate::suite::Codec;
use crate::target::{Seen, SeenPacket};
use serde_json::Value;

/// A difference that is no finding.
#[derive(Clone, Copy, Debug)]
pub struct Freedom {
    /// Its name in summaries.
    pub name: &'static str,
    /// The rule that leaves it open.
    pub rule: &'static str,
    /// Why nobody is wrong.
    pub reason: &'static str,
    allows: Scope,
}

/// What a freedom is about.
#[derive(Clone, Copy, Debug)]
enum Scope {
    /// What comes of a frame.
    Step(fn(&Step<'_>) -> bool),
    /// A value inside a packet: that of the reference, and the other.
    Value(fn(&Value, &Value) -> bool),
}

/// A frame at which two codecs differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) codec: Codec,
    /// The text of the frame; of an attachment that of its header, and nothing where there was none.
    pub(super) text: &'a str,
    /// Whether it is an attachment, and no text itself.
    pub(super) is_attachment: bool,
    /// Whether it is a message of Socket.IO with nothing in it, and no attachment that is awaited.
    pub(super) is_empty: bool,
    /// Which of the outcomes it has.
    pub(super) at: usize,
    /// What the reference made of it, nothing where its outcomes ended before.
    pub(super) reference: Option<&'a Seen<'a>>,
    /// What the target made of it, and of the attachments that follow it.
    pub(super) target: &'a [Seen<'a>],
}

/// All of them.
pub const FREEDOMS: [Freedom; 24] = [
    Freedom {
        name: "empty-message",
        rule: "codec.sio.decode.empty-string",
        reason: "an empty message is no packet, and some codecs read it as no message at all",
        allows: Scope::Step(|step| step.is_empty),
    },
    Freedom {
        name: "late-refusal",
        rule: "codec.sio.decode.binary-num-oob",
        reason: "a binary packet that is wrong may be refused with its text or when its attachments have come",
        allows: Scope::Step(|step| {
            let late = step.target.iter().find(|outcome| !matches!(outcome, Seen::Wait));
            step.is_binary()
                && step.waits()
                && step
                    .refusal()
                    .is_some_and(|why| !why.ends_with("attachments announced"))
                && matches!(late, None | Some(Seen::Error(_) | Seen::Unsupported(_)))
        }),
    },
    Freedom {
        name: "exotic-placeholder",
        rule: "codec.sio.decode.binary-num-fraction",
        reason: "the number of a placeholder may be written as 0.0, 0e0 or -0: once it is read it is whole",
        allows: Scope::Step(|step| {
            step.refused_for("a placeholder does not name one") && has_exotic_number(step.text)
        }),
    },
    Freedom {
        name: "repeated-member",
        rule: "codec.sio.decode.duplicate-keys",
        reason: "a placeholder in a member that another of the same name replaces may be passed over",
        allows: Scope::Step(|step| {
            (step.is_attachment || step.refused_for("a placeholder does not name one"))
                && repeats_member(header(step.text).1)
        }),
    },
    Freedom {
        name: "odd-placeholder",
        rule: "codec.sio.decode.placeholder-odd",
        reason: "an object whose _placeholder is not true is data to most, and some replace or refuse it",
        allows: Scope::Step(|step| step.is_attachment && has_odd_placeholder(step.text)),
    },
    Freedom {
        name: "acknowledgement-without-id",
        rule: "codec.sio.decode.ack-no-id",
        reason: "an acknowledgement without an id belongs to nothing, whether it is refused or dropped later",
        allows: Scope::Step(|step| step.refused_for("an ACK needs the id")),
    },
    Freedom {
        name: "no-attachments",
        rule: "codec.sio.decode.binary-zero",
        reason: "a binary packet that announces no attachment may be delivered at once",
        allows: Scope::Step(|step| {
            step.refused_for("a binary type announces at least one") && step.packet().is_some()
        }),
    },
    Freedom {
        name: "exotic-count",
        rule: "codec.sio.decode.binary-count-exotic",
        reason: "a number of attachments such as 1e0 or 01 may be read as a number",
        allows: Scope::Step(|step| step.is_binary() && is_exotic_count(step.text)),
    },
    Freedom {
        name: "numeric-name",
        rule: "codec.sio.decode.event-name-number",
        reason: "a number as the name of an event is accepted by some, and reaches no handler",
        allows: Scope::Step(|step| {
            let list = header(step.text)
                .1
                .trim_start_matches(JSON_SPACE)
                .strip_prefix('[')
                .unwrap_or_default();
            let begins = list
                .trim_start_matches(JSON_SPACE)
                .starts_with(|c: char| c == '-' || c.is_ascii_digit());
            step.refused_for("the first element of an event is its name") && begins
        }),
    },
    Freedom {
        name: "space-before-payload",
        rule: "codec.sio.decode.id-whitespace",
        reason: "white space before the JSON of a payload has no meaning, or is refused",
        allows: Scope::Step(|step| {
            let without_id = step
                .packet()
                .is_none_or(|packet| header(step.text).0 || packet.id.is_null());
            step.is_socket() && without_id && header(step.text).1.starts_with(JSON_SPACE)
        }),
    },
    Freedom {
        name: "id-without-meaning",
        rule: "codec.sio.decode.connect-digits",
        reason: "digits behind a CONNECT, a CONNECT_ERROR or a DISCONNECT are an id without meaning, or an error",
        allows: Scope::Step(|step| {
            step.is_socket() && step.text.starts_with(['0', '1', '4']) && header(step.text).0
        }),
    },
    Freedom {
        name: "large-id",
        rule: "codec.sio.decode.id-unsafe",
        reason: "an id that a double cannot hold may be kept, rounded or refused",
        allows: Scope::Step(|step| {
            let large = |packet: &SeenPacket<'_>| {
                as_float(&packet.id.value()).is_some_and(|id| id > 9_007_199_254_740_991.0)
            };
            let waits = matches!(step.reference, Some(Seen::Wait));
            step.is_refused() && (step.ours().is_some_and(large) || waits && has_digits(step.text, 16))
                || step.refused_for("an acknowledgement id of more than")
        }),
    },
    Freedom {
        name: "query-of-namespace",
        rule: "codec.sio.decode.connect-query",
        reason: "a query behind a namespace belongs to its name, or is dropped",
        allows: Scope::Step(|step| {
            let (Some(ours), Some(theirs)) = (step.ours(), step.packet()) else {
                return false;
            };
            let theirs = if theirs.nsp.is_empty() { "/" } else { &theirs.nsp };
            ours.nsp.split_once('?').is_some_and(|(path, _)| path == theirs)
        }),
    },
    Freedom {
        name: "large-number",
        rule: "codec.sio.decode.numbers",
        reason: "a number out of range may be kept, rounded or refused",
        allows: Scope::Step(|step| {
            step.is_refused() && (has_digits(step.text, 16) || has_exponent(step.text))
        }),
    },
    Freedom {
        name: "rounded-number",
        rule: "codec.sio.decode.numbers",
        reason: "numbers are compared as doubles, to their last digit but one",
        allows: Scope::Value(same_number),
    },
    Freedom {
        name: "value-beyond-json",
        rule: "codec.sio.decode.numbers",
        reason: "what no JSON value of siospec can hold (1e400, nesting beyond 128) is compared by decision alone",
        allows: Scope::Value(|ours, theirs| ours.get("$json").is_some() || theirs.get("$json").is_some()),
    },
    Freedom {
        name: "lone-surrogate",
        rule: "codec.sio.decode.lone-surrogate",
        reason: "an escaped surrogate without its other half may be kept, replaced or refused",
        allows: Scope::Step(|step| step.is_refused() && has_lone_surrogate(step.text)),
    },
    Freedom {
        name: "prototype-member",
        rule: "codec.sio.decode.proto",
        reason: "members called __proto__ or constructor may be dropped",
        allows: Scope::Value(without_prototype),
    },
    Freedom {
        name: "deep-json",
        rule: "codec.sio.decode.deep-json",
        reason: "deep JSON may be refused",
        allows: Scope::Step(|step| {
            let opens = |byte: &u8| matches!(byte, b'[' | b'{');
            step.is_refused() && step.text.len() > 100 && step.text.bytes().filter(opens).count() > 100
        }),
    },
    Freedom {
        name: "data-without-meaning",
        rule: "codec.eio.decode.type-only",
        reason: "what stands behind a close, upgrade or noop, or a ping or pong that is no probe, may be kept, dropped or refused",
        allows: Scope::Step(|step| {
            let Some(ours) = step.ours().filter(|_| !step.is_socket()) else {
                return false;
            };
            let data = ours.data.text().unwrap_or_default();
            let kept = !data.is_empty() && (data != "probe" || ours.word != "ping" && ours.word != "pong");
            let empty = ["close", "ping", "pong", "upgrade", "noop"].contains(&&*ours.word);
            kept && empty && step.packet().is_none_or(|theirs| theirs.word == ours.word)
        }),
    },
    Freedom {
        name: "handshake",
        rule: "codec.eio.decode.type-only",
        reason: "a codec may read the handshake of an open packet, and refuse what is none",
        allows: Scope::Step(|step| !step.is_socket() && step.ours().is_some_and(|ours| ours.word == "open")),
    },
    Freedom {
        name: "base64",
        rule: "codec.eio.decode.base64-garbage",
        reason: "what is no base64, or base64 in a WebSocket, may be refused or read as far as it goes",
        allows: Scope::Step(|step| {
            step.refused_for("what follows `b`")
                || step.codec == Codec::EnginePacket && step.text.starts_with('b')
        }),
    },
    Freedom {
        name: "empty-packet",
        rule: "codec.eio.decode.payload-trailing-separator",
        reason: "an empty packet in a payload, and an empty payload, may be an error or nothing",
        allows: Scope::Step(|step| {
            step.codec == Codec::EnginePayload && (step.text.is_empty() || step.refused_for("it is empty"))
        }),
    },
    Freedom {
        name: "message-as-json",
        rule: "codec.eio.decode.message-json-looking",
        reason: "a message that looks like JSON, and is no number, may be read as JSON",
        allows: Scope::Step(|step| match (step.ours(), step.packet()) {
            (Some(ours), Some(theirs)) if !step.is_socket() && ours.word == theirs.word => {
                let text = ours.data.text();
                text.is_some_and(|text| looks_like(&text, &theirs.data.value()))
            }
            _ => false,
        }),
    },
];

impl<'a> Step<'a> {
    fn is_socket(&self) -> bool {
        self.codec == Codec::SocketPacket
    }

    fn is_binary(&self) -> bool {
        self.is_socket() && self.text.starts_with(['5', '6'])
    }

    /// The packet that the reference made of it.
    pub(super) fn ours(&self) -> Option<&'a SeenPacket<'a>> {
        self.reference.and_then(Seen::packet)
    }

    /// Why the reference refused it.
    fn refusal(&self) -> Option<&'a str> {
        match self.reference {
            Some(Seen::Error(why)) => Some(refusals::reason(why)),
            _ => None,
        }
    }

    /// Whether the reference refused it for a reason that begins with these words.
    pub(super) fn refused_for(&self, words: &str) -> bool {
        self.refusal().is_some_and(|why| why.starts_with(words))
    }

    fn is_refused(&self) -> bool {
        matches!(self.target.first(), Some(Seen::Error(_)))
    }

    fn waits(&self) -> bool {
        matches!(self.target.first(), Some(Seen::Wait))
    }

    /// The packet that the target made of it.
    pub(super) fn packet(&self) -> Option<&'a SeenPacket<'a>> {
        self.target.first().and_then(Seen::packet)
    }
}

/// The freedom that makes this difference no finding.
pub(super) fn of_step(step: &Step<'_>) -> Option<&'static str> {
    let allows = |freedom: &&Freedom| match freedom.allows {
        Scope::Step(allows) => allows(step),
        Scope::Value(_) => false,
    };
    FREEDOMS.iter().find(allows).map(|freedom| freedom.name)
}

/// The freedom that makes these two values as good as the same.
pub(super) fn of_values(ours: &Value, theirs: &Value) -> Option<&'static str> {
    let allows = |freedom: &&Freedom| match freedom.allows {
        Scope::Value(allows) => allows(ours, theirs),
        Scope::Step(_) => false,
    };
    FREEDOMS.iter().find(allows).map(|freedom| freedom.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::load_builtin;

    #[test]
    fn each_names_a_rule_of_a_codec_and_stands_in_the_documentation() {
        let rules = load_builtin().rules;
        let document = include_str!("../../docs/fuzzing.md");
        for freedom in FREEDOMS {
            assert!(rules.get(freedom.rule).is_some(), "{}", freedom.rule);
            let row = format!("| `{}` | {} | `{}` |", freedom.name, freedom.reason, freedom.rule);
            assert!(document.contains(&row), "docs/fuzzing.md lacks\n{row}");
        }
    }
}
