//! What the driver of a codec is asked, and what it answers, in the form of `docs/driver.md`.

use super::codec::Batch;
use super::driver::{DriverError, Pipe, checked, mended, read_json, rubbish};
use crate::suite::{Frame, Outcome};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Asks a driver for the results of a batch: outcomes for each of its inputs.
///
/// # Errors
/// Where no proper answer comes. The driver is of no further use then, unless it is only `Unsupported`.
pub(super) async fn ask(driver: &mut Pipe, batch: &Batch) -> Result<Vec<Vec<Outcome>>, DriverError> {
    let answer = driver.exchange(batch.request()).await?;
    read_results(&answer, batch.inputs.len()).map_err(|why| rubbish(&answer.to_string(), "answer", why))
}

/// The answer to a batch, whose outcomes are still text.
#[derive(Debug)]
pub struct Reply {
    line: String,
    id: u64,
    inputs: usize,
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    id: u64,
    #[serde(borrow)]
    results: Vec<Vec<&'a RawValue>>,
}

impl Reply {
    /// An answer that was not written by a driver.
    pub(super) fn of(outcomes: &[Vec<Outcome>]) -> Self {
        let results: Vec<Vec<Value>> = outcomes
            .iter()
            .map(|outcomes| outcomes.iter().map(tell_outcome).collect())
            .collect();
        Self {
            line: json!({ "id": 0, "results": results }).to_string(),
            id: 0,
            inputs: outcomes.len(),
        }
    }

    /// For each input the outcomes as JSON text.
    ///
    /// # Errors
    /// Where it is no proper answer.
    pub fn outcomes(&self) -> Result<Vec<Vec<&str>>, DriverError> {
        match serde_json::from_str::<RawAnswer<'_>>(&self.line) {
            Ok(answer) if answer.id == self.id && answer.results.len() == self.inputs => {
                let results = answer.results.into_iter();
                Ok(results
                    .map(|outcomes| outcomes.into_iter().map(RawValue::get).collect())
                    .collect())
            }
            // What is wrong with it is found out slowly.
            _ => {
                let value = read_json(&self.line).map_err(|why| rubbish(&self.line, "answer", why))?;
                let value = checked(value, self.id)?;
                let why = match read_results(&value, self.inputs) {
                    Err(why) => why,
                    Ok(_) => "its members stand there twice".to_owned(),
                };
                Err(rubbish(&self.line, "answer", why))
            }
        }
    }

    /// The outcomes of an input, given as text.
    ///
    /// # Errors
    /// Where one of them is none.
    pub fn read(&self, outcomes: &[&str]) -> Result<Vec<Outcome>, DriverError> {
        let read = |text: &&str| read_outcome(&serde_json::from_str(&mended(text)).unwrap_or_default());
        let outcomes: Result<Vec<Outcome>, String> = outcomes.iter().map(read).collect();
        outcomes.map_err(|why| rubbish(&self.line, "answer", why))
    }
}

fn tell_outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Packet(packet) => json!({ "packet": packet }),
        Outcome::Wait => json!({ "wait": true }),
        Outcome::Error(why) => json!({ "error": why }),
        Outcome::Frames(frames) => json!({ "frames": frames.iter().map(Frame::to_json).collect::<Vec<_>>() }),
        Outcome::Unsupported(why) => json!({ "unsupported": why }),
    }
}

/// Sends a request, if there is one, and takes the answer to the one sent before it, if that had `sent` inputs.
///
/// # Errors
/// Where no line comes.
pub(super) async fn pass(
    driver: &mut Pipe,
    next: Option<&str>,
    sent: Option<usize>,
) -> Result<Option<Reply>, DriverError> {
    let line = driver.pass(next, sent.is_some()).await?;
    let answer = |((id, line), inputs)| Reply { line, id, inputs };
    Ok(line.zip(sent).map(answer))
}

fn read_results(answer: &Value, inputs: usize) -> Result<Vec<Vec<Outcome>>, String> {
    let results = answer["results"].as_array().ok_or("it has no list `results`")?;
    if results.len() != inputs {
        return Err(format!("it has {} results for {inputs} inputs", results.len()));
    }
    let outcomes = |result: &Value| {
        let list = result.as_array().ok_or("a result is no list of outcomes")?;
        list.iter().map(read_outcome).collect()
    };
    results.iter().map(outcomes).collect()
}

fn read_outcome(outcome: &Value) -> Result<Outcome, String> {
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(packet) = outcome.get("packet").filter(|packet| packet.is_object()) {
        return Ok(Outcome::Packet(packet.clone()));
    }
    if outcome["wait"] == json!(true) {
        return Ok(Outcome::Wait);
    }
    if let Some(error) = outcome.get("error") {
        return Ok(Outcome::Error(words(error)));
    }
    if let Some(why) = outcome.get("unsupported") {
        return Ok(Outcome::Unsupported(words(why)));
    }
    if let Some(frames) = outcome.get("frames").and_then(Value::as_array) {
        let frames = frames.iter().map(read_frame).collect::<Option<_>>();
        return frames
            .map(Outcome::Frames)
            .ok_or_else(|| "a frame is neither a text nor {\"$binary\":…}".to_owned());
    }
    Err("an outcome is none of packet, wait, error, frames and unsupported".to_owned())
}

fn read_frame(frame: &Value) -> Option<Frame> {
    match frame {
        Value::String(text) => Some(Frame::Text(text.clone())),
        _ => STANDARD
            .decode(frame.get("$binary")?.as_str()?)
            .ok()
            .map(Frame::Binary),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::suite::Codec;
    use crate::target::driver::tests::python;
    use crate::target::launch::Limits;
    use std::time::Duration;

    /// Greets, owns up to unknown commands, and does with `decode` what the first frame says.
    const DRIVER: &str = r#"
import json, os, sys, time
def say(value): print(json.dumps(value), flush=True)
say({"hello": 1, "name": "x", "version": "1", "language": "Python", "codecs": ["socket-packet"]})
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] != "decode": say({"id": request["id"], "unsupported": "what?"}); continue
    what = request["inputs"][0][0]
    if what == "die": print("last words", file=sys.stderr, flush=True); os._exit(7)
    elif what == "hang": time.sleep(600)
    elif what == "rubbish": print("here I am", flush=True)
    elif what == "flood":
        while True: sys.stdout.write("x" * 1000000)
    elif what == "foreign": say({"id": 999, "results": []})
    elif what == "short": say({"id": request["id"], "results": []})
    else: say({"id": request["id"], "results": [[{"error": "no"}] for _ in request["inputs"]]})
"#;

    async fn told(what: &str) -> Result<Vec<Vec<Outcome>>, String> {
        let patience = Duration::from_secs(if what == "hang" { 1 } else { 20 });
        let started = Pipe::start(&python(DRIVER), Limits::default(), Duration::from_secs(20)).await;
        let mut driver = started.unwrap().with_patience(patience);
        assert_eq!(driver.hello.codecs, ["socket-packet"]);
        let batch = Batch {
            codec: Codec::SocketPacket,
            encode: false,
            without_data: false,
            repeat: 1,
            inputs: vec![json!([what])],
        };
        ask(&mut driver, &batch).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_goes_wrong_has_a_name() {
        for (what, words) in [
            ("die", "exit status: 7"),
            ("die", "| last words"),
            ("hang", "did not answer within 1 s"),
            ("rubbish", "the driver wrote `here I am`, which is no answer"),
            ("flood", "more than 32 MiB"),
            ("foreign", "answered the request 999"),
            ("short", "0 results for 1 inputs"),
        ] {
            let error = told(what).await.unwrap_err();
            assert!(error.contains(words), "{what}: {error}");
        }
        assert_eq!(
            told("fine").await,
            Ok(vec![vec![Outcome::Error("no".to_owned())]])
        );
    }

    #[tokio::test]
    async fn the_next_request_may_be_sent_before_the_last_one_is_answered() {
        let started = Pipe::start(&python(DRIVER), Limits::default(), Duration::from_secs(20)).await;
        let mut driver = started.unwrap();
        let text = |inputs: &str| format!("\"do\":\"decode\",\"inputs\":{inputs}");
        let (one, two) = (text("[[\"fine\"]]"), text("[[\"fine\"],[\"fine\"]]"));
        assert!(pass(&mut driver, Some(&one), None).await.unwrap().is_none());
        let first = pass(&mut driver, Some(&two), Some(1)).await.unwrap().unwrap();
        let last = pass(&mut driver, None, Some(2)).await.unwrap().unwrap();
        let error = "{\"error\": \"no\"}";
        assert_eq!(first.outcomes().unwrap(), [[error]]);
        assert_eq!(last.outcomes().unwrap(), [[error], [error]]);
        assert_eq!(last.read(&[error]).unwrap(), [Outcome::Error("no".to_owned())]);
    }

    #[test]
    fn what_is_wrong_with_an_answer_is_found_out() {
        for (line, words) in [
            (
                "{\"id\":8,\"results\":[]}",
                "answered the request 8, expected the answer to 7",
            ),
            ("{\"id\":7,\"results\":[]}", "0 results for 1 inputs"),
            ("{\"id\":7,\"results\":3}", "no list `results`"),
            ("{\"id\":7,\"results\":[[]],\"results\":[[]]}", "twice"),
            (
                "{\"id\":7,\"unsupported\":\"decode\"}",
                "does not support this: decode",
            ),
            ("{\"id\":7", "it is no JSON"),
        ] {
            let (line, id, inputs) = (line.to_owned(), 7, 1);
            let error = Reply { line, id, inputs }.outcomes().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let line = "{\"id\":7,\"results\":[[{\"paket\":1}]]}".to_owned();
        let reply = Reply {
            line,
            id: 7,
            inputs: 1,
        };
        let outcomes = reply.outcomes().unwrap();
        let error = reply.read(&outcomes[0]).unwrap_err().to_string();
        assert!(error.contains("none of packet, wait"), "{error}");
    }

    #[test]
    fn outcomes_are_written_as_they_are_read() {
        let all = vec![
            Outcome::Packet(json!({ "type": "ping" })),
            Outcome::Wait,
            Outcome::Error("no".to_owned()),
            Outcome::Unsupported("never".to_owned()),
            Outcome::Frames(vec![Frame::Text("2".to_owned()), Frame::Binary(vec![1])]),
        ];
        let reply = Reply::of(std::slice::from_ref(&all));
        assert_eq!(reply.read(&reply.outcomes().unwrap()[0]).unwrap(), all);
    }
}
