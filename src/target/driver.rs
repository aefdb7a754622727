//! The program that drives a codec: JSON Lines over its standard input and output, as `docs/driver.md` describes them.
//!
//! Owns the process while it is spoken with, the form of requests and answers, and the names of all that may go wrong.
//! A driver is trusted with nothing: lines, waits and memory are bounded.

use super::codec::Batch;
use super::group::End;
use super::launch::{Launch, LaunchError, Limits, Process};
use crate::suite::{Frame, Outcome};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};

/// The version of the protocol.
const VERSION: u64 = 1;
/// The longest line that a driver may write, in bytes.
const LONGEST_LINE: usize = 32 << 20;
/// How much of a line a message shows, in characters.
const SHOWN: usize = 120;
/// How long the end of a process that closed its output may take to be noticed.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// A driver that runs. Dropping it kills its process group.
#[derive(Debug)]
pub(super) struct Driver {
    /// What it said of itself.
    pub(super) hello: Hello,
    process: Process,
    stdin: ChildStdin,
    lines: Lines,
    last_id: u64,
    patience: Duration,
}

/// How a driver introduces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name of the library.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its language.
    pub language: String,
    /// The codecs that it drives, by their names.
    pub codecs: Vec<String>,
}

/// What went wrong with a driver.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// It cannot be run.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Its process ended.
    #[error("{end}{tail}")]
    Ended {
        /// How.
        end: End,
        /// The last of its output.
        tail: String,
    },
    /// It did not answer in time.
    #[error("the driver did not answer within {} s{tail}", .patience.as_secs_f64())]
    Silent {
        /// How long it had.
        patience: Duration,
        /// The last of its output.
        tail: String,
    },
    /// It wrote and wrote.
    #[error("the driver wrote more than {} MiB without the end of a line", LONGEST_LINE >> 20)]
    Flood,
    /// It wrote something that is no answer.
    #[error("the driver wrote `{line}`, which is no {expected}: {why}")]
    Rubbish {
        /// How the line begins.
        line: String,
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It answered another request.
    #[error("the driver answered the request {came}, expected the answer to {expected}")]
    Foreign {
        /// The request that was asked.
        expected: u64,
        /// The id that came.
        came: String,
    },
    /// It does not know what was asked.
    #[error("the driver does not support this: {0}")]
    Unsupported(String),
    /// It speaks another version of the protocol.
    #[error("the driver speaks version {0} of the driver protocol, expected {VERSION}: see docs/driver.md")]
    Version(String),
}

impl Driver {
    /// Starts a driver, hears its hello, and sees that it owns up to a command that it cannot know.
    ///
    /// # Errors
    /// Where it cannot be run or does not speak the protocol.
    pub(super) async fn start(
        launch: &Launch,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, DriverError> {
        let (process, stdin, stdout) = Process::drive(launch, limits)?;
        let mut driver = Self {
            hello: Hello::default(),
            process,
            stdin,
            lines: Lines {
                stdout,
                buffer: Vec::new(),
            },
            last_id: 0,
            patience,
        };
        match driver.greet(limits.start).await {
            Ok(()) => Ok(driver),
            Err(error) => {
                driver.process.kill().await;
                Err(error)
            }
        }
    }

    /// Asks for the results of a batch: outcomes for each of its inputs.
    ///
    /// # Errors
    /// Where no proper answer comes. The driver is of no further use then, unless it is only `Unsupported`.
    pub(super) async fn ask(&mut self, batch: &Batch) -> Result<Vec<Vec<Outcome>>, DriverError> {
        let answer = self.exchange(batch.request()).await?;
        read_results(&answer, batch.inputs.len()).map_err(|why| rubbish(&answer.to_string(), "answer", why))
    }

    /// Asks it to end, and waits until it is gone.
    pub(super) async fn stop(&self) {
        self.process.stop().await;
    }

    async fn greet(&mut self, patience: Duration) -> Result<(), DriverError> {
        let Ok(line) = tokio::time::timeout(patience, self.lines.next()).await else {
            return Err(self.silent(patience));
        };
        let line = self.received(line).await?;
        let hello = read_json(&line).map_err(|why| rubbish(&line, "hello", why))?;
        match &hello["hello"] {
            Value::Number(version) if version.as_u64() == Some(VERSION) => {}
            Value::Null => {
                let why = format!("expected {{\"hello\":{VERSION},…}}");
                return Err(rubbish(&line, "hello", why));
            }
            other => return Err(DriverError::Version(other.to_string())),
        }
        let text = |key: &str| hello[key].as_str().unwrap_or_default().to_owned();
        let codecs = hello["codecs"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.hello = Hello {
            name: text("name"),
            version: text("version"),
            language: text("language"),
            codecs: codecs
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        // Nobody can have prepared for the number of this process.
        let nonsense = format!("siospec-{}", std::process::id());
        match self.exchange(json!({ "do": nonsense })).await {
            Err(DriverError::Unsupported(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(answer) => {
                let why = format!(
                    "nobody knows the command `{nonsense}`, expected {{\"id\":…,\"unsupported\":\"why\"}}"
                );
                Err(rubbish(&answer.to_string(), "answer to an unknown command", why))
            }
        }
    }

    /// Sends a request, to which an id is given, and takes its answer.
    async fn exchange(&mut self, mut request: Value) -> Result<Value, DriverError> {
        self.last_id += 1;
        let id = self.last_id;
        request["id"] = json!(id);
        let text = format!("{request}\n");
        let both = async {
            let write = async {
                // Who does not read has ended or will not answer: that is noticed there.
                if self.stdin.write_all(text.as_bytes()).await.is_ok() {
                    let _noticed_there = self.stdin.flush().await;
                }
            };
            tokio::join!(write, self.lines.next()).1
        };
        let Ok(line) = tokio::time::timeout(self.patience, both).await else {
            return Err(self.silent(self.patience));
        };
        let line = self.received(line).await?;
        let answer = read_json(&line).map_err(|why| rubbish(&line, "answer", why))?;
        match answer.get("id") {
            Some(came) if came.as_u64() == Some(id) => {}
            Some(came) => {
                return Err(DriverError::Foreign {
                    expected: id,
                    came: came.to_string(),
                });
            }
            None => return Err(rubbish(&line, "answer", "it has no `id`".to_owned())),
        }
        match answer.get("unsupported") {
            Some(why) => Err(DriverError::Unsupported(
                why.as_str().unwrap_or("without a reason").to_owned(),
            )),
            None => Ok(answer),
        }
    }

    async fn received(&self, line: Result<Vec<u8>, LineError>) -> Result<String, DriverError> {
        match line {
            Ok(line) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Err(LineError::TooLong) => Err(DriverError::Flood),
            Err(LineError::Closed) => {
                let end = tokio::time::timeout(END_PATIENCE, self.process.ended()).await;
                let tail = introduced(&self.process.last_words().await);
                match end {
                    Ok(end) => Err(DriverError::Ended { end, tail }),
                    Err(_) => Err(rubbish("", "line", "it closed its standard output".to_owned())),
                }
            }
        }
    }

    fn silent(&self, patience: Duration) -> DriverError {
        let tail = introduced(&self.process.tail());
        DriverError::Silent { patience, tail }
    }
}

/// The lines of a driver, bounded.
#[derive(Debug)]
struct Lines {
    stdout: ChildStdout,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum LineError {
    Closed,
    TooLong,
}

impl Lines {
    /// The next line, without its end. May be cancelled: what was read is kept.
    async fn next(&mut self) -> Result<Vec<u8>, LineError> {
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.buffer[looked_at..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(looked_at + at + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                return Ok(line);
            }
            looked_at = self.buffer.len();
            if looked_at > LONGEST_LINE {
                return Err(LineError::TooLong);
            }
            match self.stdout.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(LineError::Closed),
            }
        }
    }
}

fn rubbish(line: &str, expected: &'static str, why: String) -> DriverError {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = line.chars().take(SHOWN).map(visible).collect();
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    DriverError::Rubbish {
        line: shown,
        expected,
        why,
    }
}

fn introduced(tail: &str) -> String {
    if tail.is_empty() {
        return String::new();
    }
    let lines: String = tail.lines().map(|line| format!("\n  | {line}")).collect();
    format!("; the last of its output:{lines}")
}

fn read_json(line: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(&mended(line)).map_err(|error| format!("it is no JSON, {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("it is no object".to_owned())
    }
}

/// JSON text whose lone surrogates, which Rust has no strings for, are replaced by U+FFFD.
pub(super) fn mended(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str(&text[copied..at]);
                mended.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            (Some(_), _) => 6,
            // A backslash and what it escapes, which need not be ASCII in rubbish.
            (None, _) => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    mended.push_str(&text[copied..]);
    mended
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
    use std::collections::BTreeMap;

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

    fn launch(script: &str) -> Launch {
        Launch {
            command: ["python3", "-c", script].map(str::to_owned).to_vec(),
            folder: std::env::temp_dir(),
            env: BTreeMap::new(),
            path: String::new(),
        }
    }

    async fn ask(what: &str) -> Result<Vec<Vec<Outcome>>, String> {
        let patience = Duration::from_secs(if what == "hang" { 1 } else { 20 });
        let mut driver = Driver::start(&launch(DRIVER), Limits::default(), Duration::from_secs(20))
            .await
            .unwrap();
        driver.patience = patience;
        assert_eq!(driver.hello.codecs, ["socket-packet"]);
        let batch = Batch {
            codec: Codec::SocketPacket,
            encode: false,
            without_data: false,
            repeat: 1,
            inputs: vec![json!([what])],
        };
        driver.ask(&batch).await.map_err(|error| error.to_string())
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
            let error = ask(what).await.unwrap_err();
            assert!(error.contains(words), "{what}: {error}");
        }
        assert_eq!(ask("fine").await, Ok(vec![vec![Outcome::Error("no".to_owned())]]));
    }

    #[tokio::test]
    async fn a_driver_that_knows_every_command_is_refused() {
        let liar = DRIVER.replace("\"unsupported\": \"what?\"", "\"results\": []");
        let started = Driver::start(&launch(&liar), Limits::default(), Duration::from_secs(20)).await;
        let error = started.unwrap_err().to_string();
        assert!(error.contains("nobody knows the command"), "{error}");
        let old = DRIVER.replace("\"hello\": 1", "\"hello\": 0");
        let started = Driver::start(&launch(&old), Limits::default(), Duration::from_secs(20)).await;
        assert!(started.unwrap_err().to_string().contains("version 0"));
    }

    #[test]
    fn lone_surrogates_are_replaced_and_nothing_else() {
        for (text, expected) in [
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00 \ude00""#, r#""\ufffd\ud83d\ude00 \ufffd""#),
            (r#""\\ud800 é\u0000""#, r#""\\ud800 é\u0000""#),
            ("\"\\é\\", "\"\\é\\"),
        ] {
            assert_eq!(mended(text), expected);
        }
    }
}
