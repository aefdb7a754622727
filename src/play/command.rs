//! The lines of a client script that speak with its driver: commands and reports, as `docs/driver.md` writes them.
//!
//! Owns the two translations: the text of a command to the request, and a report to the text that lines are held against.

use crate::notation::Over;
use serde_json::{Deserializer, Map, Value, json};
use std::fmt::Write as _;

/// What a command asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    /// The request, but for what the runner adds to each.
    pub(super) request: Map<String, Value>,
    /// The library must refuse it.
    pub(super) refused: bool,
    /// It answers the event that was reported last and asked for an answer.
    pub(super) answers: bool,
}

/// The keys that may stand in the object before the name of an event.
const EMISSION: [&str; 3] = ["ack", "timeout", "volatile"];

/// Reads a command.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub(super) fn parse(text: &str) -> Result<Command, String> {
    let (text, refused) = match text.strip_prefix("refused ") {
        Some(rest) => (rest.trim_start(), true),
        None => (text, false),
    };
    let (verb, rest) = word(text);
    let mut request = Map::from_iter([("do".to_owned(), json!(verb))]);
    match verb {
        "connect" => {
            let (nsp, rest) = word(rest);
            let mut values = values(rest)?.into_iter();
            request.insert("nsp".to_owned(), json!(nsp));
            match (values.next(), values.next()) {
                (None, _) => {}
                (Some(Value::Object(options)), None) => {
                    request.insert("options".to_owned(), Value::Object(options));
                }
                _ => return Err("after the namespace of `connect` come options, a JSON object".to_owned()),
            }
        }
        "emit" => {
            let (nsp, rest) = word(rest);
            let mut values = values(rest)?;
            request.insert("nsp".to_owned(), json!(nsp));
            if let Some(Value::Object(options)) = values.first() {
                if let Some(unknown) = options.keys().find(|key| !EMISSION.contains(&key.as_str())) {
                    return Err(format!(
                        "`{unknown}` is no key of an emission: {}",
                        EMISSION.join(", ")
                    ));
                }
                request.extend(options.clone());
                values.remove(0);
            }
            if values.is_empty() {
                return Err("`emit` needs the name of an event".to_owned());
            }
            request.insert("event".to_owned(), values.remove(0));
            request.insert("args".to_owned(), Value::Array(values));
        }
        "ack" => {
            request.insert("args".to_owned(), Value::Array(values(rest)?));
        }
        "disconnect" => {
            let (nsp, rest) = word(rest);
            if !rest.is_empty() {
                return Err("`disconnect` has one argument, a namespace".to_owned());
            }
            request.insert("nsp".to_owned(), json!(nsp));
        }
        "close" if rest.is_empty() => {}
        _ => {
            return Err(format!(
                "`{verb}` is no command: connect, emit, ack, disconnect, close"
            ));
        }
    }
    Ok(Command {
        refused,
        answers: verb == "ack",
        request,
    })
}

/// The options of `connect` which make a client use the transport of a script, with those of the script.
pub(super) fn with_transport(options: Option<&Value>, over: Option<Over>) -> Value {
    let transports = match over {
        None => Value::Null,
        Some(Over::WebSocket) => json!(["websocket"]),
        Some(Over::Polling) => json!(["polling"]),
        Some(Over::Upgraded) => json!(["polling", "websocket"]),
    };
    let mut all = Map::new();
    if over.is_some() {
        all.insert("transports".to_owned(), transports);
    }
    if let Some(Value::Object(options)) = options {
        all.extend(options.clone());
    }
    Value::Object(all)
}

/// A report as text: its word, its namespace, then what it says.
pub(super) fn report_text(report: &Value) -> String {
    let kind = report["report"].as_str().unwrap_or("?");
    let mut text = kind.to_owned();
    let mut add = |value: &Value| {
        // Writing to a text cannot fail.
        let _ = write!(text, " {value}");
    };
    match kind {
        "reconnect_attempt" => add(&report["attempt"]),
        "reconnect_failed" => {}
        "error" => add(&report["message"]),
        _ => {
            let nsp = report["nsp"].as_str().unwrap_or("?");
            // A namespace that is no single word is shown as JSON.
            let plain = !nsp.is_empty() && !nsp.contains([' ', '"']);
            let _ = if plain {
                write!(text, " {nsp}")
            } else {
                write!(text, " {}", report["nsp"])
            };
            for value in details(kind, report) {
                let _ = write!(text, " {value}");
            }
        }
    }
    text
}

/// What stands behind the namespace of a report.
fn details(kind: &str, report: &Value) -> Vec<Value> {
    let given = |keys: &[&str]| -> Vec<Value> {
        let found = keys.iter().map(|key| report.get(*key));
        found.map_while(|value| value.cloned()).collect()
    };
    let args = report["args"].as_array().cloned().unwrap_or_default();
    match kind {
        "connect" => given(&["sid"]),
        "connect_error" => given(&["message", "data"]),
        "disconnect" => given(&["reason"]),
        "event" => given(&["event"]).into_iter().chain(args).collect(),
        "ack" => given(&["ack"]).into_iter().chain(args).collect(),
        "ack_error" => given(&["ack", "message"]),
        _ => Vec::new(),
    }
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(' ')
        .map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn values(text: &str) -> Result<Vec<Value>, String> {
    Deserializer::from_str(text)
        .into_iter::<Value>()
        .collect::<Result<_, _>>()
        .map_err(|error| format!("`{text}` is not JSON values with spaces between them: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Value {
        Value::Object(parse(text).unwrap().request)
    }

    #[test]
    fn commands_become_requests() {
        assert_eq!(
            request(r#"connect /admin {"auth":{"token":"T"}}"#),
            json!({"do": "connect", "nsp": "/admin", "options": {"auth": {"token": "T"}}})
        );
        assert_eq!(
            request(r#"emit / {"ack":"x","timeout":200} "hello" 1 {"a":2}"#),
            json!({"do": "emit", "nsp": "/", "ack": "x", "timeout": 200, "event": "hello", "args": [1, {"a": 2}]})
        );
        assert_eq!(
            request(r#"emit / "hello" {"ack":"no option"}"#),
            json!({"do": "emit", "nsp": "/", "event": "hello", "args": [{"ack": "no option"}]})
        );
        assert_eq!(
            request(r#"ack "yes" 1"#),
            json!({"do": "ack", "args": ["yes", 1]})
        );
        let refused = parse(r#"refused emit / "connect""#).unwrap();
        assert!(refused.refused && !refused.answers);
        assert_eq!(refused.request["event"], json!("connect"));
    }

    #[test]
    fn what_is_no_command_is_told() {
        for (text, why) in [
            ("emit /", "name of an event"),
            ("emit / {\"x\":1} \"a\"", "no key of an emission"),
            ("connect / 1", "options"),
            ("jump", "no command"),
            ("disconnect / now", "one argument"),
            ("emit / nonsense", "not JSON"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn reports_become_lines() {
        let line = |report| report_text(&report);
        assert_eq!(
            line(json!({"report": "connect", "nsp": "/", "sid": "s1"})),
            r#"connect / "s1""#
        );
        assert_eq!(line(json!({"report": "connect", "nsp": "/"})), "connect /");
        assert_eq!(
            line(json!({"report": "event", "nsp": "/", "event": "q", "args": [1, {"a": null}], "ack": 3})),
            r#"event / "q" 1 {"a":null}"#
        );
        assert_eq!(
            line(json!({"report": "connect_error", "nsp": "/", "message": "no", "data": {"a": 1}})),
            r#"connect_error / "no" {"a":1}"#
        );
        assert_eq!(
            line(json!({"report": "ack_error", "nsp": "/", "ack": "x"})),
            r#"ack_error / "x""#
        );
        assert_eq!(
            line(json!({"report": "reconnect_attempt", "attempt": 2})),
            "reconnect_attempt 2"
        );
        assert_eq!(
            line(json!({"report": "connect", "nsp": "/a b"})),
            r#"connect "/a b""#
        );
    }
}
