//! Values of the driver protocol, of which a library of Rust has JSON and bytes.

use crate::{Refusal, unsupported};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The bytes of a list that holds nothing else.
pub fn only_binary(list: &[Value]) -> Result<Option<Vec<u8>>, Refusal> {
    let text = match list {
        [only] => only.get("$binary").and_then(Value::as_str),
        _ => None,
    };
    Ok(text.map(|text| STANDARD.decode(text)).transpose()?)
}

/// Bytes as a value.
pub fn tell_binary(bytes: &[u8]) -> Value {
    json!({"$binary": STANDARD.encode(bytes)})
}

/// A value that is JSON for the library too; another is unsupported.
pub fn plain(value: &Value) -> Result<Value, Refusal> {
    Ok(match value {
        Value::Array(list) => Value::Array(list.iter().map(plain).collect::<Result<_, _>>()?),
        Value::Object(members) if members.keys().next().is_some_and(|key| key.starts_with('$')) => {
            let number = members.get("$number").and_then(Value::as_str);
            let number = number.and_then(|text| serde_json::from_str(text).ok());
            number.ok_or_else(|| unsupported(format!("a value that is no JSON: {value}")))?
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(key, value)| Ok((key.clone(), plain(value)?)));
            Value::Object(members.collect::<Result<_, Refusal>>()?)
        }
        other => other.clone(),
    })
}

/// The same for each value of a list.
pub fn plain_list(list: &[Value]) -> Result<Vec<Value>, Refusal> {
    list.iter().map(plain).collect()
}
