//! What the driver of a codec is asked, and what it answers, in the form of `docs/driver.md`.

use super::builtin_seen::Seen;
use super::codec::Batch;
use super::driver::{DriverError, Pipe, checked, mended, read_json, rubbish};
use super::raw::{RawInputs, raw_inputs};
use super::rest::Rest;
use crate::suite::{Frame, Outcome};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What is wrong with a result that is something else.
const NO_LIST: &str = "a result is no list of outcomes";

/// Asks a driver for the results of a batch: outcomes for each of its inputs.
///
/// # Errors
/// Where no proper answer comes. The driver is of no further use then, unless it is only `Unsupported`.
pub(super) async fn ask(driver: &mut Pipe, batch: &Batch) -> Result<Vec<Vec<Outcome>>, DriverError> {
    let raw = match driver.hello.raw && !batch.encode {
        true => raw_inputs(&batch.inputs),
        false => None,
    };
    let mut request = batch.request();
    if let (Some(raw), Some(members)) = (&raw, request.as_object_mut()) {
        members.remove("inputs");
        members.insert("bytes".to_owned(), json!(raw.bytes().len()));
    }
    let answer = driver
        .exchange_with(request, raw.as_ref().map_or(&[], RawInputs::bytes))
        .await?;
    read_results(&answer, batch.inputs.len()).map_err(|why| rubbish(&answer.to_string(), "answer", why))
}

/// The answer to a batch, whose outcomes are still text.
#[derive(Debug)]
pub struct Reply {
    line: String,
    id: u64,
    inputs: usize,
}

/// An input whose outcomes are not those that were expected.
#[derive(Clone, Debug)]
pub struct Differing<'a> {
    /// Its index.
    pub input: usize,
    /// The list of its outcomes, as JSON text.
    pub list: &'a str,
    /// What is seen of them, where they are written as most drivers write them.
    pub seen: Option<Vec<Seen<'a>>>,
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    id: u64,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

impl Reply {
    /// An answer that was not written by a driver.
    pub fn of(outcomes: &[Vec<Outcome>]) -> Self {
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

    /// The line that was the answer.
    pub(super) fn into_line(self) -> String {
        self.line
    }

    /// The inputs whose outcomes `agrees` does not take from the answer.
    ///
    /// # Errors
    /// Where it is no proper answer.
    pub fn differing(
        &self,
        mut agrees: impl FnMut(usize, &mut Rest<'_>) -> bool,
    ) -> Result<Vec<Differing<'_>>, DriverError> {
        if let Some(differing) = self.differing_text(&mut agrees) {
            return Ok(differing);
        }
        // It is not written as most drivers write it, or is no proper answer: that is found out slowly.
        let mut differing = Vec::new();
        for (input, text) in self.outcomes()?.into_iter().enumerate() {
            let list: Vec<&RawValue> = self.list(text.get())?;
            let list: Vec<&str> = list.iter().map(|outcome| outcome.get()).collect();
            let list = format!("[{}]", list.join(","));
            let mut rest = Rest::new(&list);
            if !(agrees(input, &mut rest) && rest.is_empty()) {
                let (list, seen) = (text.get(), Seen::list(text.get()));
                differing.push(Differing { input, list, seen });
            }
        }
        Ok(differing)
    }

    /// The same in one go, where the answer has the plainest form.
    fn differing_text(
        &self,
        agrees: &mut impl FnMut(usize, &mut Rest<'_>) -> bool,
    ) -> Option<Vec<Differing<'_>>> {
        let mut rest = Rest::new(&self.line);
        let mut differing = Vec::new();
        let mut going = rest.eat(&format!("{{\"id\":{},\"results\":[", self.id));
        for input in 0..self.inputs {
            going = going && (input == 0 || rest.eat(","));
            let before = rest;
            if going && !agrees(input, &mut rest) {
                rest = before;
                let mut seen = Seen::take_list(&mut rest);
                if !rest.text().starts_with([',', ']']) {
                    seen = None;
                }
                if seen.is_none() {
                    rest = before;
                    rest.take::<&RawValue>()?;
                }
                let list = &before.text()[..before.text().len() - rest.text().len()];
                differing.push(Differing { input, list, seen });
            }
        }
        (going && rest.eat("]}") && rest.is_empty()).then_some(differing)
    }

    /// For each input the outcomes as JSON text.
    fn outcomes(&self) -> Result<Vec<&RawValue>, DriverError> {
        match serde_json::from_str::<RawAnswer<'_>>(&self.line) {
            Ok(answer) if answer.id == self.id && answer.results.len() == self.inputs => Ok(answer.results),
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

    /// The outcomes in a list of this answer.
    ///
    /// # Errors
    /// Where they are none.
    pub fn read(&self, list: &str) -> Result<Vec<Outcome>, DriverError> {
        let outcomes: Vec<&RawValue> = self.list(list)?;
        let read =
            |text: &RawValue| read_outcome(serde_json::from_str(&mended(text.get())).unwrap_or_default());
        let outcomes: Result<Vec<Outcome>, String> = outcomes.into_iter().map(read).collect();
        outcomes.map_err(|why| rubbish(&self.line, "answer", why))
    }

    fn list<'a>(&self, text: &'a str) -> Result<Vec<&'a RawValue>, DriverError> {
        let no_list = |_| rubbish(&self.line, "answer", NO_LIST.to_owned());
        serde_json::from_str(text).map_err(no_list)
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
    next: Option<(&str, &[u8])>,
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
        let list = result.as_array().ok_or(NO_LIST)?;
        list.iter().cloned().map(read_outcome).collect()
    };
    results.iter().map(outcomes).collect()
}

fn read_outcome(mut outcome: Value) -> Result<Outcome, String> {
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(packet) = outcome.get_mut("packet").filter(|packet| packet.is_object()) {
        return Ok(Outcome::Packet(packet.take()));
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
        assert!(
            pass(&mut driver, Some((&one, &[])), None)
                .await
                .unwrap()
                .is_none()
        );
        let first = pass(&mut driver, Some((&two, &[])), Some(1))
            .await
            .unwrap()
            .unwrap();
        let last = pass(&mut driver, None, Some(2)).await.unwrap().unwrap();
        let error = "[{\"error\": \"no\"}]";
        let lists = |reply: &Reply| {
            let differing = reply.differing(|_, _| false).unwrap();
            let lists = differing.iter().map(|each| (each.input, each.list.to_owned()));
            lists.collect::<Vec<_>>()
        };
        assert_eq!(lists(&first), [(0, error.to_owned())]);
        assert_eq!(first.read(error).unwrap(), [Outcome::Error("no".to_owned())]);
        assert_eq!(lists(&last), [(0, error.to_owned()), (1, error.to_owned())]);
        let agrees = |input, rest: &mut Rest<'_>| input == 1 && rest.eat(error);
        assert_eq!(only(&last.differing(agrees).unwrap()), (0, error));
    }

    #[tokio::test]
    async fn requests_and_answers_that_fit_into_no_pipe_hold_nobody_up() {
        let started = Pipe::start(&python(DRIVER), Limits::default(), Duration::from_secs(20)).await;
        let mut driver = started.unwrap();
        let inputs = 20_000;
        let text = format!(
            "\"do\":\"decode\",\"inputs\":[{}]",
            vec!["[\"fine\"]"; inputs].join(",")
        );
        for _ in 0..6 {
            let came = pass(&mut driver, Some((&text, &[])), None).await.unwrap();
            assert!(came.is_none());
        }
        for _ in 0..6 {
            let came = pass(&mut driver, None, Some(inputs)).await.unwrap().unwrap();
            assert_eq!(came.differing(|_, _| false).unwrap().len(), inputs);
        }
    }

    fn only<'a>(differing: &[Differing<'a>]) -> (usize, &'a str) {
        assert_eq!(differing.len(), 1, "{differing:?}");
        (differing[0].input, differing[0].list)
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
            let error = Reply { line, id, inputs }
                .differing(|_, _| false)
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{error}");
        }
        let line = "{\"id\":7,\"results\":[[{\"paket\":1}]]}".to_owned();
        let reply = Reply {
            line,
            id: 7,
            inputs: 1,
        };
        let differing = reply.differing(|_, _| false).unwrap();
        let error = reply.read(only(&differing).1).unwrap_err().to_string();
        assert!(error.contains("none of packet, wait"), "{error}");
        assert!(reply.read("{}").unwrap_err().to_string().contains(NO_LIST));
    }

    #[test]
    fn only_what_differs_is_read() {
        let line =
            "{\"id\":7,\"results\":[[{\"wait\":true}],[{\"error\":\"a]\"}],[{\"wait\":true}]]}".to_owned();
        let (id, inputs) = (7, 3);
        let agrees = |_: usize, rest: &mut Rest<'_>| rest.eat("[{\"wait\":true}]");
        let error = [Outcome::Error("a]".to_owned())];
        let spaced = line.replace(',', ", ");
        for line in [line.clone(), spaced] {
            let reply = Reply { line, id, inputs };
            let differing = reply.differing(agrees).unwrap();
            let (1, list) = only(&differing) else {
                panic!("not the second: {differing:?}")
            };
            assert_eq!(reply.read(list).unwrap(), error);
        }
        // What agrees in part, or is more than there is to be, is looked at as a whole.
        let partly = line.replacen("true}", "true},0", 1);
        let reply = Reply {
            line: partly,
            id,
            inputs,
        };
        let differing = reply.differing(agrees).unwrap();
        let (0, list) = (differing[0].input, differing[0].list) else {
            panic!("not the first")
        };
        assert!(reply.read(list).is_err());
        let reply = Reply {
            line: format!("{line} x"),
            id,
            inputs,
        };
        assert!(reply.differing(agrees).is_err());
        let more = line.replacen("true}", "true},{\"wait\":true}", 1);
        let waits = vec![Outcome::Wait, Outcome::Wait];
        let reply = Reply {
            line: more,
            id,
            inputs,
        };
        let differing = reply.differing(agrees).unwrap();
        let (0, list) = (differing[0].input, differing[0].list) else {
            panic!("not the first")
        };
        assert_eq!(reply.read(list).unwrap(), waits);
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
        let differing = reply.differing(|_, _| false).unwrap();
        assert_eq!(reply.read(only(&differing).1).unwrap(), all);
    }
}
