//! The lines of `siospec connect`: what is typed, and reports as scripts write them.

use serde_json::Value;
use std::io::BufRead as _;
use tokio::sync::mpsc;

/// What may be typed.
pub(super) const LINES: &str = "\
emit EVENT ARGS...     ack EVENT ARGS...     answer ARGS...     disconnect     connect     help     quit
Arguments are JSON: emit message 1 \"a text\" {\"a\":[true]} {\"$binary\":\"AQI=\"}";

/// The lines of the standard input, read by a thread of its own that ends with the program.
pub(super) fn input() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next line; never comes once there are no more.
pub(super) async fn next(input: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match input {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// A report as a line of a script.
pub(super) fn shown(report: &str, message: &Value) -> String {
    let mut line = format!("@< {report}");
    let mut add = |value: &Value| {
        line.push(' ');
        line.push_str(&safe(&value.to_string()));
    };
    let details: &[&str] = match report {
        "connect" => &["sid"],
        "connect_error" => &["message", "data"],
        "event" => &["event", "args"],
        "ack" => &["ack", "args"],
        "ack_error" => &["ack", "message"],
        "disconnect" => &["reason"],
        _ => &["attempt", "message"],
    };
    let namespace = message["nsp"].as_str().map(|name| safe(name).into_boxed_str());
    for value in details.iter().filter_map(|key| message.get(*key)) {
        match value {
            Value::Array(values) => values.iter().for_each(&mut add),
            value => add(value),
        }
    }
    match namespace {
        Some(namespace) => line.replacen(report, &format!("{report} {namespace}"), 1),
        None => line,
    }
}

/// Text of a server on a terminal: what could move the cursor or turn the line around is escaped.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let turns =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// JSON values with spaces between them.
pub(super) fn values(text: &str) -> Result<Vec<Value>, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut read = Vec::new();
    loop {
        let rest = text.get(values.byte_offset()..).unwrap_or_default().trim();
        match values.next() {
            Some(Ok(value)) => read.push(value),
            Some(Err(error)) => {
                return Err(format!(
                    "`{rest}` is not JSON ({error}): texts are written in quotes, as in \"{}\"",
                    "a text"
                ));
            }
            None => return Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_json_values() {
        assert_eq!(
            values(r#" 1 "a b" {"c":[true]} null "#),
            Ok(vec![json!(1), json!("a b"), json!({"c": [true]}), json!(null)])
        );
        assert_eq!(values(""), Ok(vec![]));
        assert!(values("1 hello").unwrap_err().contains("`hello` is not JSON"));
    }

    #[test]
    fn reports_are_printed_as_scripts_have_them() {
        for (report, line) in [
            (
                json!({"report": "connect", "nsp": "/", "sid": "s"}),
                "@< connect / \"s\"",
            ),
            (
                json!({"report": "event", "nsp": "/a", "event": "e", "args": [1, {"b": 2}], "ack": 1}),
                "@< event /a \"e\" 1 {\"b\":2}",
            ),
            (
                json!({"report": "connect_error", "nsp": "/", "message": "no"}),
                "@< connect_error / \"no\"",
            ),
            (
                json!({"report": "disconnect", "nsp": "/", "reason": "\u{202e}\u{9b}"}),
                "@< disconnect / \"\\u202e\\u009b\"",
            ),
            (
                json!({"report": "reconnect_attempt", "attempt": 2}),
                "@< reconnect_attempt 2",
            ),
        ] {
            assert_eq!(shown(report["report"].as_str().unwrap(), &report), line);
        }
    }
}
