//! Comparing what a target made of an input with what the reference made of it, and naming the class of a difference.

use super::alike::alike;
use super::encoded::compare_frames;
use super::freedoms::{self, Step};
use super::input::{Given, Input};
use super::refusals;
use crate::suite::compare::came;
use crate::suite::{Codec, Frame, Outcome};
use crate::target::{DriverError, End};
use serde_json::Value;

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judgement<'a> {
    /// Both agree.
    Same,
    /// They differ where they may: the name of the freedom.
    Free(&'static str),
    /// One of the two has nothing of the kind.
    Unsupported,
    /// They must not differ like this.
    Differs(Found<'a>),
}

/// A difference that has not been put into words yet, which takes longer than to find it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found<'a> {
    input: &'a Input,
    kind: &'static str,
    aspect: String,
    rule: &'static str,
    outcomes: Outcomes<'a>,
}

/// The outcomes of both in which a difference shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcomes<'a> {
    One(Step<'a>),
    All(&'a [Outcome], &'a [Outcome]),
}

/// A difference that is a finding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// `codec/direction/kind/aspect`: the same for inputs that show the same mistake.
    pub(super) class: String,
    /// The rule that it breaks.
    pub(super) rule: &'static str,
    /// What the reference made of it, in words.
    pub(super) expected: String,
    /// What came.
    pub(super) came: String,
}

/// Compares the outcomes of an input.
pub(super) fn judge<'a>(input: &'a Input, reference: &'a [Outcome], target: &'a [Outcome]) -> Judgement<'a> {
    match &input.given {
        Given::Packet(packet) => judge_encoded(input, packet, reference.first(), target),
        Given::Frames(frames) => match input.codec {
            Codec::EnginePayload => judge_payload(input, frames, reference, target),
            Codec::EnginePacket | Codec::SocketPacket => judge_frames(input, frames, reference, target),
        },
    }
}

/// The class of an input that got no proper answer. `None` where the driver only has nothing of the kind.
pub(super) fn lost(input: &Input, error: &DriverError) -> Option<Difference> {
    let (kind, aspect) = match error {
        DriverError::Unsupported(_) => return None,
        DriverError::Ended {
            end: End::Memory { .. },
            ..
        } => ("memory", String::new()),
        DriverError::Ended { end, tail } => {
            let last = tail.lines().last().unwrap_or_default();
            ("crash", slug(&format!("{} {last}", end_words(end))))
        }
        DriverError::Silent { .. } => ("hang", String::new()),
        DriverError::Flood => ("hang", "flood".to_owned()),
        DriverError::Rubbish { why, .. } => ("broken", slug(why)),
        _ => ("broken", "driver".to_owned()),
    };
    let class = [input.codec.word(), input.direction(), kind, &aspect];
    let class: Vec<&str> = class.into_iter().filter(|part| !part.is_empty()).collect();
    Some(Difference {
        class: class.join("/"),
        rule: refusals::rule_of_end(input.codec),
        expected: "an answer".to_owned(),
        came: error.to_string(),
    })
}

fn end_words(end: &End) -> String {
    match end {
        // The number of a signal or status tells ends apart, and `slug` drops digits.
        End::Exited(status) => {
            let digit = |c: char| {
                c.to_digit(10)
                    .and_then(|d| char::from_u32(u32::from(b'a') + d))
                    .unwrap_or(c)
            };
            status.chars().map(digit).collect()
        }
        other => other.to_string(),
    }
}

impl<'a> Found<'a> {
    /// The class of the difference.
    pub(super) fn class(&self) -> String {
        let (codec, direction) = (self.input.codec.word(), self.input.direction());
        [codec, direction, self.kind, &self.aspect].join("/")
    }

    /// The difference in words.
    pub(super) fn difference(&self) -> Difference {
        let one = |outcome: Option<&Outcome>| outcome.map_or_else(|| "nothing".to_owned(), came);
        let all = |outcomes: &[Outcome]| {
            let words: Vec<String> = outcomes.iter().map(came).collect();
            format!("{} outcomes: {}", outcomes.len(), words.join(" then "))
        };
        let (expected, came) = match self.outcomes {
            Outcomes::One(step) => (one(step.reference), one(step.target.first())),
            Outcomes::All(reference, target) => (all(reference), all(target)),
        };
        Difference {
            class: self.class(),
            rule: self.rule,
            expected,
            came,
        }
    }

    fn differs(self) -> Judgement<'a> {
        Judgement::Differs(self)
    }
}

/// Frames with an outcome each, given to one decoder.
fn judge_frames<'a>(
    input: &'a Input,
    frames: &'a [Frame],
    reference: &'a [Outcome],
    target: &'a [Outcome],
) -> Judgement<'a> {
    let fed = frames.iter().filter(|frame| **frame != Frame::Reset);
    if reference.len() != target.len() || fed.count() != target.len() {
        return count_differs(input, reference, target);
    }
    let mut free = None;
    // After an error a decoder may be in any state until it is reset.
    let mut lost = false;
    let mut at = 0;
    for (index, frame) in frames.iter().enumerate() {
        if *frame == Frame::Reset {
            lost = false;
            continue;
        }
        let attachments = frames[index + 1..]
            .iter()
            .take_while(|frame| matches!(frame, Frame::Binary(_)));
        let step = Step {
            codec: input.codec,
            frame: Some(frame),
            reference: reference.get(at),
            target: &target[at..=at + attachments.count()],
        };
        at += 1;
        if lost {
            continue;
        }
        match judge_step(input, step) {
            Judgement::Same => {}
            Judgement::Free(name) => {
                free = Some(name);
                lost = input.codec == Codec::SocketPacket;
            }
            Judgement::Unsupported if input.codec == Codec::SocketPacket => return Judgement::Unsupported,
            Judgement::Unsupported => {}
            differs @ Judgement::Differs(_) => return differs,
        }
        let failed = matches!(step.target.first(), Some(Outcome::Error(_)));
        lost = lost || failed && input.codec == Codec::SocketPacket;
    }
    free.map_or(Judgement::Same, Judgement::Free)
}

fn is_packet(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Packet(_))
}

/// The packets of one body.
fn judge_payload<'a>(
    input: &'a Input,
    frames: &'a [Frame],
    reference: &'a [Outcome],
    target: &'a [Outcome],
) -> Judgement<'a> {
    let whole = frames.first();
    let mut free = None;
    let refused = |outcomes: &[Outcome]| {
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Error(_)))
    };
    if refused(reference) && matches!(target, [Outcome::Error(_)]) {
        // A payload may be refused as a whole.
        return Judgement::Same;
    }
    for at in 0..reference.len().max(target.len()) {
        let step = Step {
            codec: input.codec,
            frame: whole,
            reference: reference.get(at),
            target: target.get(at..).unwrap_or_default(),
        };
        match judge_step(input, step) {
            Judgement::Same => {}
            Judgement::Free(name)
                if matches!(step.target.first(), Some(Outcome::Packet(_)))
                    && step.reference.is_some_and(is_packet) =>
            {
                free = Some(name);
            }
            // What follows is shifted, or not there.
            other => return other,
        }
    }
    free.map_or(Judgement::Same, Judgement::Free)
}

fn judge_step<'a>(input: &'a Input, step: Step<'a>) -> Judgement<'a> {
    let text = match step.frame {
        Some(Frame::Text(text)) => text,
        _ => "",
    };
    let found = |kind, aspect: String, rule| Found {
        input,
        kind,
        aspect,
        rule,
        outcomes: Outcomes::One(step),
    };
    let found = match (step.reference, step.target.first()) {
        (Some(Outcome::Unsupported(_)), _) | (_, Some(Outcome::Unsupported(_))) => {
            return Judgement::Unsupported;
        }
        (Some(Outcome::Wait), Some(Outcome::Wait)) | (Some(Outcome::Error(_)), Some(Outcome::Error(_))) => {
            return Judgement::Same;
        }
        (Some(Outcome::Packet(ours)), Some(Outcome::Packet(theirs))) => {
            let (ours, theirs) = (Parts::of(input.codec, ours), Parts::of(input.codec, theirs));
            let word = ours.word;
            match ours.compare(&theirs) {
                Ok(taken) => {
                    return taken
                        .first()
                        .map_or(Judgement::Same, |name| Judgement::Free(name));
                }
                Err(aspect) => {
                    if let Some((aspect, rule)) = space_as_digit(text, &step) {
                        return found("accepts", aspect.to_owned(), rule).differs();
                    }
                    let carries = word == "connect" && aspect.starts_with("data");
                    let rule = if carries {
                        "codec.sio.decode.connect-object"
                    } else {
                        refusals::rule_of_packet(input.codec, word)
                    };
                    found("differs", format!("{word}-{aspect}"), rule)
                }
            }
        }
        (Some(Outcome::Error(why)), Some(Outcome::Packet(_) | Outcome::Wait)) => {
            if let Some((aspect, rule)) = space_as_digit(text, &step) {
                return found("accepts", aspect.to_owned(), rule).differs();
            }
            let (aspect, rule) = refusals::of(input.codec, text, why);
            found("accepts", aspect, rule)
        }
        (Some(Outcome::Error(why)), None) => {
            let (aspect, rule) = refusals::of(input.codec, text, why);
            found("ignores", aspect, rule)
        }
        (Some(ours @ (Outcome::Packet(_) | Outcome::Wait)), Some(Outcome::Error(why))) => {
            let word = if input.codec == Codec::EnginePayload {
                "payload"
            } else {
                word_of(ours, text)
            };
            let rule = refusals::rule_of_packet(input.codec, word);
            // A name with an escape in it hides what else a codec refuses in events.
            let aspect = if word == "event" && has_escaped_name(text) {
                "with-escaped-name-"
            } else {
                ""
            };
            found("refuses", format!("{word}-{aspect}{}", slug(why)), rule)
        }
        (Some(ours), Some(Outcome::Wait)) => {
            let word = word_of(ours, text);
            found(
                "waits",
                word.to_owned(),
                refusals::rule_of_packet(input.codec, word),
            )
        }
        (Some(Outcome::Wait), Some(Outcome::Packet(_))) => found(
            "early",
            word_of(&Outcome::Wait, text).to_owned(),
            "codec.sio.decode.binary-one",
        ),
        (ours, theirs) => {
            let word = ours.or(theirs).map_or("", |outcome| word_of(outcome, text));
            let kind = if ours.is_some() { "ignores" } else { "adds" };
            found(kind, word.to_owned(), refusals::rule_of_packet(input.codec, word))
        }
    };
    match freedoms::of_step(&step) {
        Some(name) => Judgement::Free(name),
        None => found.differs(),
    }
}

/// Whether the list of a packet begins with a string that has an escape in it.
fn has_escaped_name(text: &str) -> bool {
    let literal = text.split_once("[\"").map_or("", |(_, behind)| behind);
    literal
        .split('"')
        .next()
        .is_some_and(|inner| inner.contains('\\'))
}

/// White space that a target reads as the digit 0, as `Number` of JavaScript does, in place of a type or of an id.
fn space_as_digit(text: &str, step: &Step<'_>) -> Option<(&'static str, &'static str)> {
    let space = |c: char| c.is_whitespace() || c == '\u{feff}';
    let packets = step.target.iter().filter_map(|outcome| match outcome {
        Outcome::Packet(packet) => Some(packet),
        _ => None,
    });
    let theirs = packets.take(1).find(|_| step.codec == Codec::SocketPacket)?;
    if text.starts_with(space)
        && !matches!(step.reference, Some(Outcome::Error(why)) if why.contains("a text message came"))
    {
        return Some(("space-as-type", "codec.sio.decode.leading-space"));
    }
    let (has_id, behind) = freedoms::header(text);
    if theirs["id"].is_null() || !behind.starts_with(space) {
        return None;
    }
    // Behind an id JSON may have white space; what JSON does not take for such belongs to nothing.
    let digits = |c: char| space(c) || c.is_ascii_digit();
    let nothing = behind.trim_matches(digits).is_empty() && theirs["data"].is_null();
    let odd = !behind.starts_with(freedoms::JSON_SPACE);
    (!has_id || odd || nothing).then_some(("space-as-id", "codec.sio.decode.id-whitespace"))
}

/// The type of what the reference decoded or awaits.
fn word_of<'a>(outcome: &'a Outcome, text: &str) -> &'a str {
    match outcome {
        Outcome::Packet(packet) => packet["type"].as_str().unwrap_or_default(),
        _ if text.starts_with('6') => "binary-ack",
        Outcome::Error(_) => "error",
        _ => "binary-event",
    }
}

/// What a packet consists of, with what may be left out of it.
struct Parts<'a> {
    word: &'a str,
    nsp: &'a str,
    id: &'a Value,
    data: &'a Value,
}

impl<'a> Parts<'a> {
    fn of(codec: Codec, packet: &'a Value) -> Self {
        const NOTHING: &Value = &Value::Null;
        const NO_TEXT: &Value = &Value::String(String::new());
        let word = match packet["type"].as_str().unwrap_or_default() {
            "binary_event" => "event",
            "binary_ack" => "ack",
            word => word,
        };
        let (data, nsp) = (&packet["data"], packet["nsp"].as_str().unwrap_or_default());
        if codec != Codec::SocketPacket {
            let data = if data.is_null() { NO_TEXT } else { data };
            let (nsp, id) = ("", NOTHING);
            return Self { word, nsp, id, data };
        }
        let nsp = if nsp.is_empty() { "/" } else { nsp };
        let id = &packet["id"];
        Self { word, nsp, id, data }
    }

    /// Compares these with those of a target, as [`alike`] compares values.
    fn compare(&self, theirs: &Self) -> Result<Vec<&'static str>, String> {
        for (key, ours, theirs) in [("type", self.word, theirs.word), ("nsp", self.nsp, theirs.nsp)] {
            if ours != theirs {
                return Err(format!("{key}-text"));
            }
        }
        let mut taken = Vec::new();
        for (key, ours, theirs) in [("id", self.id, theirs.id), ("data", self.data, theirs.data)] {
            taken.append(&mut alike(ours, theirs).map_err(|why| format!("{key}-{why}"))?);
        }
        Ok(taken)
    }
}

fn count_differs<'a>(input: &'a Input, reference: &'a [Outcome], target: &'a [Outcome]) -> Judgement<'a> {
    Judgement::Differs(Found {
        input,
        kind: "broken",
        aspect: "number-of-outcomes".to_owned(),
        rule: refusals::rule_of_end(input.codec),
        outcomes: Outcomes::All(reference, target),
    })
}

fn judge_encoded<'a>(
    input: &'a Input,
    packet: &Value,
    reference: Option<&'a Outcome>,
    target: &'a [Outcome],
) -> Judgement<'a> {
    let word = match packet {
        Value::Array(_) => "payload",
        packet => packet["type"].as_str().unwrap_or_default(),
    };
    let step = Step {
        codec: input.codec,
        frame: None,
        reference,
        target,
    };
    let rule = refusals::rule_of_encoder(input.codec, word);
    let found = |kind, aspect: String| {
        Found {
            input,
            kind,
            aspect,
            rule,
            outcomes: Outcomes::One(step),
        }
        .differs()
    };
    match (reference, target) {
        (_, []) => count_differs(input, &[], target),
        (Some(Outcome::Unsupported(_)), _) | (_, [Outcome::Unsupported(_), ..]) => Judgement::Unsupported,
        (Some(Outcome::Frames(_)), [Outcome::Error(why), ..]) => {
            found("refuses", format!("{word}-{}", slug(why)))
        }
        (Some(Outcome::Frames(ours)), [Outcome::Frames(theirs), ..]) => match compare_frames(ours, theirs) {
            Ok(taken) => taken
                .first()
                .map_or(Judgement::Same, |name| Judgement::Free(name)),
            Err(aspect) => found("differs", format!("{word}-{aspect}")),
        },
        _ => found("differs", format!("{word}-outcome")),
    }
}

/// The lasting part of a message: its words without what is quoted and without numbers.
pub(super) fn slug(message: &str) -> String {
    let mut words = String::new();
    let mut quoted: Option<char> = None;
    let mut before = ' ';
    let mut escaped = false;
    for c in message.chars() {
        // A backslash escapes what follows it, also where that would end a quotation.
        if escaped {
            escaped = false;
            continue;
        }
        escaped = c == '\\';
        match quoted {
            Some(end) if c == end => quoted = None,
            Some(_) => {}
            None if c == '"' || c == '`' => quoted = Some(c),
            // An apostrophe inside a word quotes nothing.
            None if c == '\'' && !before.is_ascii_alphabetic() => quoted = Some(c),
            None if c.is_ascii_alphabetic() => words.push(c.to_ascii_lowercase()),
            None => words.push(' '),
        }
        before = c;
    }
    let words: Vec<&str> = words.split_whitespace().take(8).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decode(text: &str) -> Input {
        Input::frames(Codec::SocketPacket, vec![Frame::Text(text.to_owned())])
    }

    fn class(input: &Input, ours: Outcome, theirs: Outcome) -> String {
        match judge(input, &[ours], &[theirs]) {
            Judgement::Differs(found) => found.class(),
            other => format!("{other:?}"),
        }
    }

    fn error(why: &str) -> Outcome {
        Outcome::Error(why.to_owned())
    }

    #[test]
    fn a_difference_has_a_class_of_words_that_last() {
        let event = |data: Value| Outcome::Packet(json!({ "type": "event", "data": data }));
        let trailing = error("decode a Socket.IO packet: unexpected text behind the payload, at byte 6");
        let input = decode("2[\"a\"]x");
        assert_eq!(
            class(&input, trailing.clone(), event(json!(["a"]))),
            "socket-packet/decode/accepts/event-trailing"
        );
        assert_eq!(class(&input, trailing.clone(), error("no")), "Same");
        assert_eq!(
            class(
                &input,
                event(json!(["a"])),
                error("invalid type: string \"q\", expected 3 at line 1 column 5")
            ),
            "socket-packet/decode/refuses/event-invalid-type-string-expected-at-line-column"
        );
        assert_eq!(
            class(&input, event(json!(["a", 1])), event(json!(["a", "1"]))),
            "socket-packet/decode/differs/event-data-number-as-text"
        );
        assert_eq!(
            class(&input, event(json!(["a"])), Outcome::Wait),
            "socket-packet/decode/waits/event"
        );
        assert_eq!(class(&input, event(json!([1])), event(json!([1.0]))), "Same");
    }

    #[test]
    fn what_follows_an_error_is_free_until_a_reset() {
        let text = |text: &str| Frame::Text(text.to_owned());
        let event = || Outcome::Packet(json!({ "type": "event", "data": ["a"] }));
        let frames = vec![text("7"), text("2[\"a\"]"), Frame::Reset, text("2[\"a\"]")];
        let input = Input::frames(Codec::SocketPacket, frames);
        let ours = [error("it begins with"), event(), event()];
        assert_eq!(
            judge(&input, &ours, &[error("x"), error("x"), event()]),
            Judgement::Same
        );
        let theirs = [error("x"), error("x"), error("stuck")];
        let stuck = judge(&input, &ours, &theirs);
        assert!(matches!(stuck, Judgement::Differs(found) if found.class().ends_with("refuses/event-stuck")));
    }

    #[test]
    fn a_payload_may_be_refused_as_a_whole_and_no_packet_may_be_lost() {
        let input = Input::frames(
            Codec::EnginePayload,
            vec![Frame::Text("4a\u{1e}x\u{1e}4b".to_owned())],
        );
        let packet = |data: &str| Outcome::Packet(json!({ "type": "message", "data": data }));
        let unknown = || error("decode an Engine.IO packet: it begins with 'x', expected a type digit 0..6");
        let ours = [packet("a"), unknown()];
        assert_eq!(judge(&input, &ours, &[error("whole")]), Judgement::Same);
        for (theirs, end) in [
            (vec![packet("a")], "ignores/unknown-letter"),
            (vec![packet("a"), packet("x")], "accepts/unknown-letter"),
            (vec![packet("a"), error("x"), packet("b")], "adds/message"),
            (vec![], "ignores/message"),
        ] {
            let judged = judge(&input, &ours, &theirs);
            assert!(
                matches!(&judged, Judgement::Differs(found) if found.class().ends_with(end)),
                "{end}: {judged:?}"
            );
        }
    }

    #[test]
    fn the_lasting_part_of_a_message_has_no_input_in_it() {
        assert_eq!(
            slug("ValueError: invalid literal for int() with base 10: '1x'"),
            "valueerror-invalid-literal-for-int-with-base"
        );
        assert_eq!(
            slug(r#"invalid type: string "\"x", expected y"#),
            "invalid-type-string-expected-y"
        );
        assert_eq!(slug("can't do `x\"y` 12"), "can-t-do");
    }
}
