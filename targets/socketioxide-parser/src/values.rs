//! Values of the driver protocol as those of the library, and back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The bytes of `{"$binary":…}`.
pub fn binary(value: &Value) -> Option<Bytes> {
    let encoded = value.get("$binary")?.as_str()?;
    STANDARD.decode(encoded).ok().map(Bytes::from)
}

/// Bytes as `{"$binary":…}`.
pub fn tell_binary(bytes: &[u8]) -> Value {
    json!({ "$binary": STANDARD.encode(bytes) })
}

/// A value as the library is given it.
pub fn revive(value: &Value) -> Result<rmpv::Value, String> {
    if let Some(bytes) = binary(value) {
        return Ok(rmpv::Value::Binary(bytes.to_vec()));
    }
    Ok(match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(bool) => rmpv::Value::from(*bool),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => rmpv::Value::from(whole),
            (_, Some(whole), _) => rmpv::Value::from(whole),
            (.., float) => rmpv::Value::from(float.unwrap_or(f64::NAN)),
        },
        Value::String(text) => rmpv::Value::from(text.as_str()),
        Value::Array(items) => rmpv::Value::Array(items.iter().map(revive).collect::<Result<_, _>>()?),
        Value::Object(members) => revive_object(members)?,
    })
}

fn revive_object(members: &Map<String, Value>) -> Result<rmpv::Value, String> {
    if let Some(number) = members.get("$number").and_then(Value::as_str) {
        return number
            .parse::<f64>()
            .map(rmpv::Value::from)
            .map_err(|error| error.to_string());
    }
    if members.contains_key("$special") {
        return Err("Rust has no such value".to_owned());
    }
    let pairs = members
        .iter()
        .map(|(key, item)| Ok((rmpv::Value::from(key.as_str()), revive(item)?)));
    Ok(rmpv::Value::Map(pairs.collect::<Result<_, String>>()?))
}

/// A value that the library gave, as the driver protocol has it.
pub struct Told<'a>(pub &'a rmpv::Value);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            rmpv::Value::Nil => serializer.serialize_unit(),
            rmpv::Value::Boolean(bool) => serializer.serialize_bool(*bool),
            rmpv::Value::Integer(number) => match (number.as_u64(), number.as_i64()) {
                (Some(whole), _) => serializer.serialize_u64(whole),
                (_, whole) => serializer.serialize_i64(whole.unwrap_or_default()),
            },
            rmpv::Value::F32(number) => serializer.serialize_f32(*number),
            rmpv::Value::F64(number) if number.is_finite() => serializer.serialize_f64(*number),
            rmpv::Value::F64(number) => json!({ "$number": number.to_string() }).serialize(serializer),
            rmpv::Value::String(text) => match text.as_str() {
                Some(text) => serializer.serialize_str(text),
                None => serializer.serialize_unit(),
            },
            rmpv::Value::Binary(bytes) | rmpv::Value::Ext(_, bytes) => tell_binary(bytes).serialize(serializer),
            rmpv::Value::Array(items) => serializer.collect_seq(items.iter().map(Told)),
            rmpv::Value::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, item)| (key.as_str().unwrap_or_default(), Told(item)));
                serializer.collect_map(pairs)
            }
        }
    }
}
