//! A case as a step of the check plays it: commands that must be done, reports that must come.

use crate::target::client::Answer;
use crate::target::{CaseDriver, ClientInstance, DriverError, Request};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What the steps have at hand.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) client: ClientInstance,
    /// The address of the server, without the path.
    pub(super) url: String,
    pub(super) patience: Duration,
}

/// Why a step does not hold.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The driver, or the library behind it, did something else.
    Missing(String),
    /// It says that it has no such thing.
    Unable(String),
    /// The driver is of no further use.
    Lost(DriverError),
}

impl From<DriverError> for Trouble {
    fn from(error: DriverError) -> Self {
        match error {
            flood @ DriverError::CaseFlood { .. } => Self::Missing(flood.to_string()),
            other => Self::Lost(other),
        }
    }
}

impl Stage {
    /// Whether the driver announces all of these.
    pub(super) fn can(&self, words: &[&str]) -> bool {
        let client = &self.client.hello().client;
        words.iter().all(|word| client.iter().any(|can| can == word))
    }

    /// A case of its own.
    pub(super) fn scene(&self, name: &str) -> Scene<'_> {
        Scene {
            stage: self,
            case: self.client.case(name),
            heard: Vec::new(),
        }
    }

    /// Options that make a client use one transport.
    pub(super) fn options(&self) -> Map<String, Value> {
        let transport = if self.can(&["websocket"]) {
            "websocket"
        } else {
            "polling"
        };
        Map::from_iter([("transports".to_owned(), json!([transport]))])
    }
}

/// One case, and what was heard of it since something was last waited for.
#[derive(Debug)]
pub(super) struct Scene<'s> {
    stage: &'s Stage,
    case: CaseDriver,
    heard: Vec<Value>,
}

impl Scene<'_> {
    /// Asks for something, whatever the answer.
    pub(super) async fn answer(&self, request: Request) -> Result<Answer, Trouble> {
        Ok(self.case.request(request.to_map()).await?)
    }

    /// Asks for something that must be done.
    pub(super) async fn ask(&self, request: Request) -> Result<(), Trouble> {
        let words = Value::Object(request.to_map());
        match self.answer(request).await? {
            Answer::Done => Ok(()),
            Answer::Unsupported(why) => Err(Trouble::Unable(why)),
            Answer::Refused(why) => Err(Trouble::Missing(format!(
                "{words} was refused: {why}; expected {{\"id\":…}}"
            ))),
        }
    }

    /// Asks for a connection to a namespace of the server of the stage.
    pub(super) async fn open(&self, nsp: &str, options: Map<String, Value>) -> Result<(), Trouble> {
        let (url, nsp) = (self.stage.url.clone(), nsp.to_owned());
        self.ask(Request::Connect { url, nsp, options }).await
    }

    /// Asks for a connection, and hears that it is there.
    pub(super) async fn connect(&mut self, nsp: &str, options: Map<String, Value>) -> Result<Value, Trouble> {
        self.open(nsp, options).await?;
        self.hear(json!({"report": "connect", "nsp": nsp})).await
    }

    /// Emits an event without anything else.
    pub(super) async fn emit(&self, nsp: &str, event: &str, args: Vec<Value>) -> Result<(), Trouble> {
        let (ack, timeout) = (None, None);
        self.emit_with(nsp, event, args, ack, timeout).await
    }

    /// Emits an event that asks for an acknowledgement.
    pub(super) async fn emit_with(
        &self,
        nsp: &str,
        event: &str,
        args: Vec<Value>,
        ack: Option<&str>,
        timeout: Option<u64>,
    ) -> Result<(), Trouble> {
        self.ask(Request::Emit {
            nsp: nsp.to_owned(),
            event: event.to_owned(),
            args,
            ack: ack.map(str::to_owned),
            timeout,
            volatile: None,
        })
        .await
    }

    /// Waits for a report that has these members; others may come before it.
    pub(super) async fn hear(&mut self, members: Value) -> Result<Value, Trouble> {
        self.hear_that(&members.to_string(), |report| has(report, &members))
            .await
    }

    /// Waits for a report that fits, which is called `expected` where it does not come.
    pub(super) async fn hear_that(
        &mut self,
        expected: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Trouble> {
        let heard = &mut self.heard;
        let search = async {
            while let Some(report) = self.case.report().await {
                if fits(&report) {
                    return Some(report);
                }
                heard.push(report);
            }
            None
        };
        match tokio::time::timeout(self.stage.patience, search).await {
            Ok(Some(report)) => {
                self.heard.clear();
                Ok(report)
            }
            Ok(None) => Err(match self.case.error() {
                Some(error) => error.into(),
                None => Trouble::Missing("the case has ended".to_owned()),
            }),
            Err(_) => Err(Trouble::Missing(format!(
                "expected the report {expected} within {} s, {}",
                self.stage.patience.as_secs_f64(),
                came(&self.heard)
            ))),
        }
    }

    /// Sees to it that nothing is reported for a while.
    pub(super) async fn hear_nothing(&mut self, time: Duration) -> Result<(), Trouble> {
        match tokio::time::timeout(time, self.case.report()).await {
            Err(_) => Ok(()),
            Ok(Some(report)) => Err(Trouble::Missing(format!(
                "expected no further report, but came {report}"
            ))),
            Ok(None) => Err(match self.case.error() {
                Some(error) => error.into(),
                None => Trouble::Missing("the case has ended".to_owned()),
            }),
        }
    }
}

/// Whether an object has these members, with these values.
fn has(report: &Value, members: &Value) -> bool {
    let mut members = members.as_object().into_iter().flatten();
    members.all(|(key, value)| report.get(key).is_some_and(|came| alike(came, value)))
}

/// Whether two values are the same, `1` and `1.0` and `{"$number":"1"}` included.
pub(super) fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(left), Value::Object(right)) if !is_number(a) && !is_number(b) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| alike(value, other)))
        }
        _ if is_number(a) && is_number(b) => match (digits(a), digits(b)) {
            (a, b) if a == b => true,
            (a, b) => a.parse::<f64>().is_ok_and(|a| b.parse() == Ok(a)),
        },
        _ => a == b,
    }
}

fn is_number(value: &Value) -> bool {
    value.is_number() || value.get("$number").is_some_and(Value::is_string)
}

fn digits(value: &Value) -> String {
    match value.get("$number").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

fn came(heard: &[Value]) -> String {
    match heard {
        [] => "but came none".to_owned(),
        heard => {
            let lines: String = heard
                .iter()
                .map(|report| format!("\n  | {}", cut(report)))
                .collect();
            format!("but came:{lines}")
        }
    }
}

fn cut(report: &Value) -> String {
    let text = report.to_string();
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_alike_whatever_their_form() {
        let big = json!({"$number": "9007199254740993"});
        assert!(alike(&big, &json!(9_007_199_254_740_993_u64)));
        assert!(alike(&json!([1, {"a": 2.5}]), &json!([1.0, {"a": 2.5}])));
        assert!(!alike(&json!([1]), &json!([1, 2])));
        assert!(!alike(&json!({"a": 1}), &json!({"b": 1})));
        assert!(!alike(&json!("1"), &json!(1)));
    }
}
