//! Values of the driver protocol as those of the library, and back.

use crate::Refusal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rust_socketio::Payload;
use serde_json::{Value, json};

/// The arguments of an emission. The library sends either JSON, or bytes and nothing else.
pub fn payload(arguments: &Value) -> Result<Payload, Refusal> {
    let list = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
    if let [only] = list
        && let Some(text) = only.get("$binary").and_then(Value::as_str)
    {
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| Refusal::Error(error.to_string()))?;
        return Ok(Payload::from(bytes));
    }
    list.iter()
        .map(plain)
        .collect::<Result<Vec<_>, _>>()
        .map(Payload::Text)
}

/// A value that is JSON for the library too.
pub fn plain(value: &Value) -> Result<Value, Refusal> {
    Ok(match value {
        Value::Array(list) => Value::Array(list.iter().map(plain).collect::<Result<_, _>>()?),
        Value::Object(members) if members.keys().next().is_some_and(|key| key.starts_with('$')) => {
            let number = members.get("$number").and_then(Value::as_str);
            let number = number.and_then(|text| serde_json::from_str(text).ok());
            number
                .ok_or_else(|| Refusal::Unsupported("it sends bytes alone, and has only JSON".to_owned()))?
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| Ok((key.clone(), plain(value)?)));
            Value::Object(members.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// The arguments of an event.
pub fn arguments(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(values) => values,
        Payload::Binary(bytes) => vec![json!({"$binary": STANDARD.encode(bytes)})],
        #[allow(deprecated)]
        Payload::String(text) => vec![Value::String(text)],
    }
}

/// The arguments of an acknowledgement, which the library gives as one array.
pub fn acknowledged(payload: Payload) -> Vec<Value> {
    let mut values = arguments(payload);
    match values.as_mut_slice() {
        [Value::Array(list)] => std::mem::take(list),
        _ => values,
    }
}
