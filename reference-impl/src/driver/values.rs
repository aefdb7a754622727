//! Arguments of events as the driver protocol writes them: JSON, with objects for what JSON has no word for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::codec::{Arguments, Piece, quote, validate_json};

/// Why a request cannot be done.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// There is no such thing in this client.
    Unsupported(String),
    /// The request is wrong.
    Error(String),
}

/// The arguments that the values of a request stand for.
pub(super) fn arguments_of(values: &[Value]) -> Result<Arguments, Problem> {
    let mut arguments = Arguments::new();
    for value in values {
        let mut writer = Writer::default();
        writer.write(value)?;
        writer.cut();
        arguments.push_pieces(writer.parts.iter().map(|part| match part {
            Part::Json(text) => Piece::Json(text),
            Part::Binary(data) => Piece::Binary(data.clone()),
        }));
    }
    Ok(arguments)
}

/// A value without bytes as JSON text.
pub(super) fn json_of(value: &Value) -> Result<String, Problem> {
    let mut writer = Writer::default();
    writer.write(value)?;
    if writer.parts.is_empty() {
        Ok(writer.text)
    } else {
        Err(Problem::Unsupported("bytes in the payload of CONNECT".into()))
    }
}

/// Arguments as values of a report.
pub(super) fn values_of(arguments: &Arguments) -> Vec<Value> {
    arguments
        .iter()
        .map(|text| {
            let mut value = value_of(text);
            if !arguments.attachments().is_empty() {
                fill_in(&mut value, arguments.attachments());
            }
            value
        })
        .collect()
}

/// A JSON text as a value; `$json` if it is too deep or has a number too large to be one.
pub(super) fn value_of(text: &str) -> Value {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_lone_surrogates(text)))
        .unwrap_or_else(|_| json!({"$json": text}))
}

/// What JSON text is made of, piece by piece.
#[derive(Default)]
struct Writer {
    parts: Vec<Part>,
    text: String,
}

enum Part {
    Json(String),
    Binary(Bytes),
}

impl Writer {
    fn write(&mut self, value: &Value) -> Result<(), Problem> {
        match value {
            Value::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.write(item)?;
                }
                self.text.push(']');
            }
            Value::Object(members) => match special(members) {
                Some((key, value)) => self.write_special(key, value)?,
                None => self.write_object(members)?,
            },
            plain => self.text.push_str(&plain.to_string()),
        }
        Ok(())
    }

    fn write_object(&mut self, members: &Map<String, Value>) -> Result<(), Problem> {
        self.text.push('{');
        let mut is_first = true;
        for (key, value) in members {
            if is_undefined(value) {
                continue;
            }
            if !is_first {
                self.text.push(',');
            }
            is_first = false;
            quote(&mut self.text, key);
            self.text.push(':');
            self.write(value)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn write_special(&mut self, key: &str, value: &Value) -> Result<(), Problem> {
        match (key, value) {
            ("$binary", Value::String(encoded)) => {
                let data = STANDARD.decode(encoded);
                let data =
                    data.map_err(|error| Problem::Error(format!("`$binary` is not base64: {error}")))?;
                self.cut();
                self.parts.push(Part::Binary(data.into()));
            }
            // These have no form in JSON; what encoders of JSON write for them is null.
            ("$undefined", _) => self.text.push_str("null"),
            ("$number", Value::String(number)) => {
                let is_none = ["NaN", "Infinity", "-Infinity"].contains(&number.as_str());
                let is_number = number.parse::<f64>().is_ok() && validate_json(number).is_ok();
                match (is_none, is_number) {
                    (true, _) => self.text.push_str("null"),
                    (_, true) => self.text.push_str(number),
                    _ => return Err(Problem::Error(format!("`{number}` is not a number"))),
                }
            }
            _ => return Err(Problem::Unsupported(format!("a value of `{key}`"))),
        }
        Ok(())
    }

    fn cut(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Json(std::mem::take(&mut self.text)));
        }
    }
}

fn special(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = members.iter().next().filter(|_| members.len() == 1)?;
    let words = [
        "$binary",
        "$number",
        "$undefined",
        "$json",
        "$function",
        "$special",
    ];
    words.contains(&key.as_str()).then_some((key.as_str(), value))
}

fn is_undefined(value: &Value) -> bool {
    value
        .as_object()
        .and_then(special)
        .is_some_and(|(key, _)| key == "$undefined")
}

/// Puts bytes in the places of their placeholders.
fn fill_in(value: &mut Value, attachments: &[Bytes]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, attachments)),
        Value::Object(members) if members.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = members.get("num").and_then(Value::as_u64);
            let data = number.and_then(|number| attachments.get(usize::try_from(number).ok()?));
            *value = json!({"$binary": STANDARD.encode(data.map_or(&[][..], |data| data))});
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| fill_in(member, attachments)),
        _ => {}
    }
}

/// JSON text whose lone surrogates, which no Rust string can have, are U+FFFD.
fn without_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(backslash) = text[at..].find('\\').map(|found| at + found) {
        out.push_str(&text[at..backslash]);
        // The text is valid JSON, so what a backslash escapes is ASCII.
        let length = match (unit(backslash), unit(backslash + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let escape = &text[backslash..text.len().min(backslash + length)];
        let is_lone = length == 6 && matches!(unit(backslash), Some(0xd800..0xe000));
        out.push_str(if is_lone { "\\ufffd" } else { escape });
        at = backslash + escape.len();
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(values: Value) -> Arguments {
        arguments_of(values.as_array().expect("a list")).expect("arguments")
    }

    #[test]
    fn values_go_out_and_come_back() {
        let values = json!([1, "a\u{1e}", {"x": [{"$binary": "AQI="}, null]}, {"$binary": ""}, [], {}]);
        let out = arguments(values.clone());
        let placeholder = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        assert_eq!(
            out.json(),
            format!(
                "1,\"a\\u001e\",{{\"x\":[{},null]}},{},[],{{}}",
                placeholder(0),
                placeholder(1)
            )
        );
        assert_eq!(out.attachments(), [&[1, 2][..], &[]]);
        assert_eq!(Value::from(values_of(&out)), values);
        let data = json!([{"_placeholder": true, "num": 0}]);
        assert_eq!(
            Value::from(values_of(&arguments(data.clone()))),
            data,
            "without attachments it is data"
        );
    }

    #[test]
    fn what_json_has_no_word_for() {
        let undefined = json!({"$undefined": true});
        let out = arguments(json!([
            undefined, {"a": undefined, "b": 1}, {"$number": "NaN"}, {"$number": "-0"},
            {"$number": "9007199254740993123"}
        ]));
        assert_eq!(out.json(), "null,{\"b\":1},null,-0,9007199254740993123");
        for (value, unsupported) in [
            (json!({"$special": "cycle"}), true),
            (json!({"$binary": "%"}), false),
            (json!({"$number": "x"}), false),
        ] {
            let problem = arguments_of(&[value]).unwrap_err();
            assert_eq!(matches!(problem, Problem::Unsupported(_)), unsupported);
        }
    }

    #[test]
    fn what_a_value_cannot_be_is_text() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(value_of(&deep), json!({"$json": deep}));
        assert_eq!(value_of("1e400"), json!({"$json": "1e400"}));
        assert_eq!(
            value_of(r#""\ud800 \ud83d\ude00 \\ud800""#),
            json!("\u{fffd} \u{1f600} \\ud800")
        );
    }
}
