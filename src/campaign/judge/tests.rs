//! Which class a difference has, and what is none.

use super::*;
use serde_json::json;

fn decode(text: &str) -> Input {
    Input::frames(Codec::SocketPacket, vec![Frame::Text(text.to_owned())])
}

fn class(input: &Input, ours: Outcome, theirs: Outcome) -> String {
    match judge_outcomes(input, &[ours], &[theirs]) {
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
fn a_text_in_place_of_an_attachment_is_that_whatever_it_says() {
    let text = |text: &str| Frame::Text(text.to_owned());
    let due = error("decode a Socket.IO packet: a text message came while 1 attachments were still due");
    let ack = Outcome::Packet(json!({ "type": "ack", "id": 0, "data": [] }));
    for second in ["0\u{feff}", " "] {
        let input = Input::frames(Codec::SocketPacket, vec![text("61-0[]"), text(second)]);
        let judged = judge_outcomes(
            &input,
            &[Outcome::Wait, due.clone()],
            &[Outcome::Wait, ack.clone()],
        );
        let class = "socket-packet/decode/accepts/text-for-attachment";
        assert!(
            matches!(&judged, Judgement::Differs(found) if found.class() == class),
            "{judged:?}"
        );
    }
}

#[test]
fn what_follows_an_error_is_free_until_a_reset() {
    let text = |text: &str| Frame::Text(text.to_owned());
    let event = || Outcome::Packet(json!({ "type": "event", "data": ["a"] }));
    let frames = vec![text("7"), text("2[\"a\"]"), Frame::Reset, text("2[\"a\"]")];
    let input = Input::frames(Codec::SocketPacket, frames);
    let ours = [error("it begins with"), event(), event()];
    assert_eq!(
        judge_outcomes(&input, &ours, &[error("x"), error("x"), event()]),
        Judgement::Same
    );
    let theirs = [error("x"), error("x"), error("stuck")];
    let stuck = judge_outcomes(&input, &ours, &theirs);
    assert!(matches!(stuck, Judgement::Differs(found) if found.class().ends_with("refuses/event-stuck")));
}

#[test]
fn what_comes_of_attachments_is_judged_with_their_header() {
    let place = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
    let judged = |header: String, ours: Outcome, theirs: Outcome| {
        let frames = vec![
            Frame::Text(header),
            Frame::Binary(vec![1]),
            Frame::Binary(vec![2]),
        ];
        let input = Input::frames(Codec::SocketPacket, frames);
        let [ours, theirs] = [ours, theirs].map(|last| [Outcome::Wait, Outcome::Wait, last]);
        match judge_outcomes(&input, &ours, &theirs) {
            Judgement::Differs(found) => found.class(),
            other => format!("{other:?}"),
        }
    };
    let event = |first: &str, second: &str| {
        let data = json!(["a", { "$binary": first }, { "$binary": second }]);
        Outcome::Packet(json!({ "type": "event", "data": data }))
    };
    let header = || format!("52-[\"a\",{},{}]", place(0), place(1));
    let right = || event("AQ==", "Ag==");
    for (theirs, class) in [
        (right(), "Same"),
        (
            event("Ag==", "AQ=="),
            "socket-packet/decode/differs/binary-event-data-bytes",
        ),
        (error("no"), "socket-packet/decode/refuses/binary-event-no"),
        (Outcome::Wait, "socket-packet/decode/waits/binary-event"),
    ] {
        assert_eq!(judged(header(), right(), theirs), class);
    }
    let surrogate = header().replacen("\"a\"", "\"\\ud800\"", 1);
    assert_eq!(
        judged(surrogate, right(), error("no")),
        "Free(\"lone-surrogate\")"
    );
}

#[test]
fn attachments_without_a_header_are_no_empty_message() {
    let input = Input::frames(Codec::SocketPacket, vec![Frame::Binary(vec![1])]);
    let lone = error("decode a Socket.IO packet: a binary message came that no header announced");
    let accepted = class(&input, lone, Outcome::Wait);
    assert_eq!(accepted, "socket-packet/decode/accepts/lone-binary");
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
    assert_eq!(judge_outcomes(&input, &ours, &[error("whole")]), Judgement::Same);
    for (theirs, end) in [
        (vec![packet("a")], "ignores/unknown-letter"),
        (vec![packet("a"), packet("x")], "accepts/unknown-letter"),
        (vec![packet("a"), error("x"), packet("b")], "adds/message"),
        (vec![], "ignores/message"),
    ] {
        let judged = judge_outcomes(&input, &ours, &theirs);
        assert!(
            matches!(&judged, Judgement::Differs(found) if found.class().ends_with(end)),
            "{end}: {judged:?}"
        );
    }
}

#[test]
fn an_escape_in_a_name_is_told_from_one_behind_it() {
    for text in [r#"2["\n"]"#, r#"51-/a,7 [ "a\u0000",{}]"#] {
        assert!(has_escaped_name(text), "{text}");
    }
    for text in [
        r#"2["a","\n"]"#,
        r#"2[ "",["\n"]]"#,
        r#"2["a",["\n"]]"#,
        "2[",
        "2",
    ] {
        assert!(!has_escaped_name(text), "{text}");
    }
}
