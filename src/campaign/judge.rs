//! Comparing what a target made of an input with what the reference made of it, and naming the class of a difference.

use super::alike::alike;
use super::encoded::compare_frames;
use super::found::{Found, Shows, slug};
use super::freedoms::{self, Step};
use super::input::{Given, Input};
use super::refusals;
use super::texts;
use crate::suite::{Codec, Frame, Outcome};
use crate::target::{Seen, SeenPacket, SeenValue};
use serde_json::Value;
use std::borrow::Cow;

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judgement {
    /// Both agree.
    Same,
    /// They differ where they may: the name of the freedom.
    Free(&'static str),
    /// One of the two has nothing of the kind.
    Unsupported,
    /// They must not differ like this.
    Differs(Found),
}

/// Compares the outcomes of an input.
pub(super) fn judge(input: &Input, reference: &[Seen<'_>], target: &[Seen<'_>]) -> Judgement {
    match &input.given {
        Given::Packet(packet) => judge_encoded(input, &packet.value(), reference.first(), target),
        Given::Frames(frames) => match input.codec {
            Codec::EnginePayload => judge_payload(input, frames, reference, target),
            Codec::EnginePacket | Codec::SocketPacket => judge_frames(input, frames, reference, target),
        },
    }
}

/// The same for outcomes that are there as values.
pub(super) fn judge_outcomes(input: &Input, reference: &[Outcome], target: &[Outcome]) -> Judgement {
    let [reference, target] =
        [reference, target].map(|outcomes| outcomes.iter().map(Seen::from).collect::<Vec<_>>());
    judge(input, &reference, &target)
}

/// Frames with an outcome each, given to one decoder.
fn judge_frames(input: &Input, frames: &[Frame], reference: &[Seen<'_>], target: &[Seen<'_>]) -> Judgement {
    let fed = frames.iter().filter(|frame| **frame != Frame::Reset);
    if reference.len() != target.len() || fed.count() != target.len() {
        return count_differs(input);
    }
    let mut free = None;
    // After an error a decoder may be in any state until it is reset.
    let mut lost = false;
    let is_socket = input.codec == Codec::SocketPacket;
    let (mut text, mut awaited) = ("", false);
    let mut at = 0;
    for (index, frame) in frames.iter().enumerate() {
        match frame {
            Frame::Reset => {
                (lost, awaited) = (false, false);
                continue;
            }
            Frame::Text(own) => text = own,
            Frame::Binary(_) if awaited => {}
            Frame::Binary(_) | Frame::Odd(_) => text = "",
        }
        let attachments = frames[index + 1..]
            .iter()
            .take_while(|frame| matches!(frame, Frame::Binary(_)));
        let step = Step {
            codec: input.codec,
            text,
            is_attachment: is_socket && matches!(frame, Frame::Binary(_)),
            is_empty: is_socket
                && match frame {
                    Frame::Text(text) => text.is_empty(),
                    Frame::Binary(bytes) => bytes.is_empty() && !awaited,
                    Frame::Reset | Frame::Odd(_) => false,
                },
            at,
            reference: reference.get(at),
            target: &target[at..=at + attachments.count()],
        };
        at += 1;
        awaited = matches!(step.reference, Some(Seen::Wait));
        if lost {
            continue;
        }
        match judge_step(input, step) {
            Judgement::Same => {}
            Judgement::Free(name) => {
                free = Some(name);
                lost = is_socket;
            }
            Judgement::Unsupported if is_socket => return Judgement::Unsupported,
            Judgement::Unsupported => {}
            differs @ Judgement::Differs(_) => return differs,
        }
        let failed = matches!(step.target.first(), Some(Seen::Error(_)));
        lost = lost || failed && is_socket;
    }
    free.map_or(Judgement::Same, Judgement::Free)
}

/// The packets of one body.
fn judge_payload(input: &Input, frames: &[Frame], reference: &[Seen<'_>], target: &[Seen<'_>]) -> Judgement {
    let text = match frames.first() {
        Some(Frame::Text(body)) => body,
        _ => "",
    };
    let mut free = None;
    let refused = |outcome: &Seen<'_>| matches!(outcome, Seen::Error(_));
    if reference.iter().any(refused) && matches!(target, [Seen::Error(_)]) {
        // A payload may be refused as a whole.
        return Judgement::Same;
    }
    for at in 0..reference.len().max(target.len()) {
        let step = Step {
            codec: input.codec,
            text,
            is_attachment: false,
            is_empty: false,
            at,
            reference: reference.get(at),
            target: target.get(at..).unwrap_or_default(),
        };
        match judge_step(input, step) {
            Judgement::Same => {}
            Judgement::Free(name) if step.packet().is_some() && step.ours().is_some() => {
                free = Some(name);
            }
            // What follows is shifted, or not there.
            other => return other,
        }
    }
    free.map_or(Judgement::Same, Judgement::Free)
}

fn judge_step(input: &Input, step: Step<'_>) -> Judgement {
    let text = step.text;
    let found = |kind, aspect: Cow<'static, str>, rule| Found {
        codec: input.codec,
        direction: input.direction(),
        kind,
        aspect,
        rule,
        shows: Shows::At(step.at),
    };
    let differs = |found| Judgement::Differs(found);
    let found = match (step.reference, step.target.first()) {
        (Some(Seen::Unsupported(_)), _) | (_, Some(Seen::Unsupported(_))) => {
            return Judgement::Unsupported;
        }
        (Some(Seen::Wait), Some(Seen::Wait)) | (Some(Seen::Error(_)), Some(Seen::Error(_))) => {
            return Judgement::Same;
        }
        (Some(Seen::Packet(ours)), Some(Seen::Packet(theirs))) => {
            let word = match step.is_attachment {
                true => awaited_word(text),
                false => kind_of(&ours.word),
            };
            match compare(input.codec, ours, theirs) {
                Ok(taken) => {
                    return taken
                        .first()
                        .map_or(Judgement::Same, |name| Judgement::Free(name));
                }
                Err(aspect) => {
                    if let Some((aspect, rule)) = space_as_digit(text, &step) {
                        return differs(found("accepts", aspect.into(), rule));
                    }
                    let carries = word == "connect" && aspect.starts_with("data");
                    let rule = if carries {
                        "codec.sio.decode.connect-object"
                    } else {
                        refusals::rule_of_packet(input.codec, word)
                    };
                    found("differs", format!("{word}-{aspect}").into(), rule)
                }
            }
        }
        (Some(Seen::Error(why)), Some(Seen::Packet(_) | Seen::Wait)) => {
            if let Some((aspect, rule)) = space_as_digit(text, &step) {
                return differs(found("accepts", aspect.into(), rule));
            }
            if let Some(name) = freedoms::of_step(&step) {
                return Judgement::Free(name);
            }
            let (aspect, rule) = refusals::of(input.codec, text, why);
            return differs(found("accepts", aspect, rule));
        }
        (Some(Seen::Error(why)), None) => {
            let (aspect, rule) = refusals::of(input.codec, text, why);
            found("ignores", aspect, rule)
        }
        (Some(ours @ (Seen::Packet(_) | Seen::Wait)), Some(Seen::Error(why))) => {
            if let Some(name) = freedoms::of_step(&step) {
                return Judgement::Free(name);
            }
            let word = if input.codec == Codec::EnginePayload {
                "payload"
            } else {
                word_of(&step, ours)
            };
            let mut rule = refusals::rule_of_packet(input.codec, word);
            // A name with an escape in it hides what else a codec refuses in events.
            let aspect = if word.ends_with("event") && has_escaped_name(text) {
                "with-escaped-name-"
            } else if step.is_attachment && texts::has_extra_member(text) {
                rule = "codec.sio.decode.placeholder-extra-keys";
                "with-extra-member-"
            } else {
                ""
            };
            let aspect = format!("{word}-{aspect}{}", slug(why));
            return differs(found("refuses", aspect.into(), rule));
        }
        (Some(ours), Some(Seen::Wait)) => {
            let word = word_of(&step, ours);
            let rule = refusals::rule_of_packet(input.codec, word);
            let found = found("waits", word.to_owned().into(), rule);
            if input.codec != Codec::SocketPacket {
                // There is nothing to wait for in Engine.IO.
                return differs(found);
            }
            found
        }
        (Some(Seen::Wait), Some(Seen::Packet(_))) => {
            found("early", awaited_word(text).into(), "codec.sio.decode.binary-one")
        }
        (ours, theirs) => {
            let word = ours.or(theirs).map_or("", |outcome| word_of(&step, outcome));
            let kind = if ours.is_some() { "ignores" } else { "adds" };
            let rule = refusals::rule_of_packet(input.codec, word);
            found(kind, word.to_owned().into(), rule)
        }
    };
    freedoms::of_step(&step).map_or_else(|| differs(found), Judgement::Free)
}

/// Whether the list of a packet begins with a string that has an escape in it.
fn has_escaped_name(text: &str) -> bool {
    let inside = |text| str::trim_start_matches(text, texts::JSON_SPACE);
    let name = inside(texts::header(text).1)
        .strip_prefix('[')
        .and_then(|list| inside(list).strip_prefix('"'));
    name.and_then(|name| name.split('"').next())
        .is_some_and(|literal| literal.contains('\\'))
}

/// White space that a target reads as the digit 0, as `Number` of JavaScript does, in place of a type or of an id.
fn space_as_digit(text: &str, step: &Step<'_>) -> Option<(&'static str, &'static str)> {
    let space = |c: char| c.is_whitespace() || c == '\u{feff}';
    // With attachments it comes behind them.
    let packets = step.target.iter().filter_map(Seen::packet);
    let theirs = packets.take(1).find(|_| step.codec == Codec::SocketPacket)?;
    if step.refused_for("a text message came") {
        return None;
    }
    if text.starts_with(space) {
        return Some(("space-as-type", "codec.sio.decode.leading-space"));
    }
    let (has_id, behind) = texts::header(text);
    if theirs.id.is_null() || !behind.starts_with(space) {
        return None;
    }
    // Behind an id JSON may have white space; what JSON does not take for such belongs to nothing.
    let digits = |c: char| space(c) || c.is_ascii_digit();
    let nothing = behind.trim_matches(digits).is_empty() && theirs.data.is_null();
    let odd = !behind.starts_with(texts::JSON_SPACE);
    (!has_id || odd || nothing).then_some(("space-as-id", "codec.sio.decode.id-whitespace"))
}

/// The type of what came of a step, or of what is awaited.
fn word_of<'a>(step: &Step<'a>, outcome: &'a Seen<'_>) -> &'a str {
    match outcome {
        _ if step.is_attachment => awaited_word(step.text),
        Seen::Packet(packet) => &packet.word,
        _ if step.text.starts_with('6') => awaited_word(step.text),
        Seen::Error(_) => "error",
        _ => awaited_word(step.text),
    }
}

/// The type of a packet with attachments, by the text of its header.
fn awaited_word(header: &str) -> &'static str {
    match header.starts_with('6') {
        true => "binary-ack",
        false => "binary-event",
    }
}

/// The type of a packet without the way in which it came.
fn kind_of(word: &str) -> &str {
    match word {
        "binary_event" => "event",
        "binary_ack" => "ack",
        word => word,
    }
}

/// Compares a packet with that of a target, as [`alike`] compares values.
fn compare(
    codec: Codec,
    ours: &SeenPacket<'_>,
    theirs: &SeenPacket<'_>,
) -> Result<Vec<&'static str>, String> {
    const NO_TEXT: &SeenValue<'_> = &SeenValue::Text("");
    if kind_of(&ours.word) != kind_of(&theirs.word) {
        return Err("type-text".to_owned());
    }
    let value = |key: &str, ours: &SeenValue<'_>, theirs: &SeenValue<'_>| {
        if ours.is_null() && theirs.is_null() || ours.says(theirs) {
            return Ok(Vec::new());
        }
        alike(&ours.value(), &theirs.value()).map_err(|why| format!("{key}-{why}"))
    };
    if codec != Codec::SocketPacket {
        let [ours, theirs] = [ours, theirs].map(|packet| match packet.data.is_null() {
            true => NO_TEXT,
            false => &packet.data,
        });
        return value("data", ours, theirs);
    }
    let name = |nsp: &Cow<'_, str>| {
        if nsp.is_empty() {
            "/".to_owned()
        } else {
            nsp.to_string()
        }
    };
    if name(&ours.nsp) != name(&theirs.nsp) {
        return Err("nsp-text".to_owned());
    }
    let mut taken = value("id", &ours.id, &theirs.id)?;
    taken.append(&mut value("data", &ours.data, &theirs.data)?);
    Ok(taken)
}

fn count_differs(input: &Input) -> Judgement {
    Judgement::Differs(Found {
        codec: input.codec,
        direction: input.direction(),
        kind: "broken",
        aspect: "number-of-outcomes".into(),
        rule: refusals::rule_of_end(input.codec),
        shows: Shows::All,
    })
}

fn judge_encoded(
    input: &Input,
    packet: &Value,
    reference: Option<&Seen<'_>>,
    target: &[Seen<'_>],
) -> Judgement {
    let word = match packet {
        Value::Array(_) => "payload",
        packet => packet["type"].as_str().unwrap_or_default(),
    };
    let found = |kind, aspect: String| {
        Judgement::Differs(Found {
            codec: input.codec,
            direction: input.direction(),
            kind,
            aspect: aspect.into(),
            rule: refusals::rule_of_encoder(input.codec, word),
            shows: Shows::At(0),
        })
    };
    match (reference, target) {
        (_, []) => count_differs(input),
        (Some(Seen::Unsupported(_)), _) | (_, [Seen::Unsupported(_), ..]) => Judgement::Unsupported,
        (Some(Seen::Frames(_)), [Seen::Error(why), ..]) => found("refuses", format!("{word}-{}", slug(why))),
        (Some(Seen::Frames(ours)), [Seen::Frames(theirs), ..]) => match compare_frames(ours, theirs) {
            Ok(taken) => taken
                .first()
                .map_or(Judgement::Same, |name| Judgement::Free(name)),
            Err(aspect) => found("differs", format!("{word}-{aspect}")),
        },
        _ => found("differs", format!("{word}-outcome")),
    }
}

#[cfg(test)]
mod tests;
