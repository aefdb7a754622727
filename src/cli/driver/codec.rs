//! A few questions for the driver of a codec, to see that it has understood the form. The vectors come with
//! `siospec run --role codec`.

use crate::suite::{Codec, Frame, Outcome};
use crate::target::{Batch, CodecInstance, DriverError};
use serde_json::{Value, json};

/// What is asked, and whether the outcomes of each input are as they must be.
struct Question {
    encode: bool,
    inputs: Value,
    expected: &'static str,
    fits: fn(&[Vec<Outcome>]) -> bool,
}

/// Asks for each kind of outcome once.
///
/// # Errors
/// Where the driver is of no further use; otherwise what came instead, if something did.
pub(super) async fn look_at(codec: Codec, driver: &mut CodecInstance) -> Result<Option<String>, DriverError> {
    for question in questions(codec) {
        let batch = Batch {
            codec,
            encode: question.encode,
            without_data: false,
            repeat: 1,
            inputs: question.inputs.as_array().cloned().unwrap_or_default(),
        };
        let outcomes = driver.ask(&batch).await?;
        if !(question.fits)(&outcomes) {
            let (request, expected) = (batch.request(), question.expected);
            return Ok(Some(format!(
                "to {request} expected {expected}, but came {outcomes:?}"
            )));
        }
    }
    Ok(None)
}

fn questions(codec: Codec) -> Vec<Question> {
    let ask = |encode, inputs, expected, fits| Question {
        encode,
        inputs,
        expected,
        fits,
    };
    match codec {
        Codec::EnginePacket => vec![
            ask(
                false,
                json!([["4hi"], ["9"]]),
                "a message packet with the data `hi`, and an error",
                |o| matches!(o, [hi, no] if packets(hi) == [json!({"type": "message", "data": "hi"})] && is_error(no)),
            ),
            ask(
                true,
                json!([{"type": "message", "data": "hi"}]),
                "the frame `4hi`",
                |o| matches!(o, [hi] if *hi == [text("4hi")]),
            ),
        ],
        Codec::EnginePayload => vec![
            ask(
                false,
                json!([["4a\u{1e}4b"]]),
                "two outcomes, message packets with the data `a` and `b`",
                |o| matches!(o, [both] if packets(both).len() == 2 && packets(both)[1]["data"] == "b"),
            ),
            ask(
                true,
                json!([[{"type": "message", "data": "a"}, {"type": "ping"}]]),
                "one frame, 4a and 2 with the record separator between them",
                |o| matches!(o, [one] if *one == [text("4a\u{1e}2")]),
            ),
        ],
        Codec::SocketPacket => vec![
            ask(
                false,
                json!([["9"], ["2[\"a\",1]"], ["51-[\"a\",{\"_placeholder\":true,\"num\":0}]", {"$binary": "AQ=="}]]),
                "an error, then for the next input an event, then a wait and an event with bytes",
                |o| {
                    let [no, event, binary] = o else { return false };
                    is_error(no)
                        && packets(event)
                            .first()
                            .is_some_and(|packet| packet["data"] == json!(["a", 1]))
                        && matches!(binary.as_slice(), [Outcome::Wait, Outcome::Packet(packet)]
                            if packet["data"] == json!(["a", {"$binary": "AQ=="}]))
                },
            ),
            ask(
                true,
                json!([{"type": "event", "nsp": "/", "data": ["a", {"$binary": "AQ=="}]}]),
                "two frames, the second of them the byte 1",
                |o| {
                    matches!(o, [one] if matches!(one.as_slice(), [Outcome::Frames(frames)]
                        if matches!(frames.as_slice(), [Frame::Text(_), Frame::Binary(bytes)] if *bytes == [1])))
                },
            ),
        ],
    }
}

fn text(frame: &str) -> Outcome {
    Outcome::Frames(vec![Frame::Text(frame.to_owned())])
}

fn is_error(outcomes: &[Outcome]) -> bool {
    matches!(outcomes, [Outcome::Error(_)])
}

fn packets(outcomes: &[Outcome]) -> Vec<Value> {
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Packet(packet) => Some(packet.clone()),
            _ => None,
        })
        .collect()
}
