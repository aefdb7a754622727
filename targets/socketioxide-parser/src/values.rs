//! Values of the driver protocol as those of the library, and back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;

/// A packet that is to be encoded.
#[derive(Deserialize)]
pub struct Given<'a> {
    #[serde(rename = "type", borrow)]
    pub word: Cow<'a, str>,
    #[serde(borrow)]
    pub nsp: Option<Cow<'a, str>>,
    pub id: Option<Value>,
    pub data: Option<Revived>,
}

/// Bytes as `{"$binary":…}`.
pub fn tell_binary<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("$binary", STANDARD.encode(bytes))])
}

/// A value as the library is given it; an error where Rust has no such value.
pub struct Revived(pub Result<rmpv::Value, String>);

impl<'de> Deserialize<'de> for Revived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Revive)
    }
}

struct Revive;

impl<'de> Visitor<'de> for Revive {
    type Value = Revived;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::Nil)))
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::from(bool))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::from(number))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::from(number))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::from(number))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Revived, E> {
        Ok(Revived(Ok(rmpv::Value::from(text))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Revived, A::Error> {
        let mut list = Ok(Vec::new());
        while let Some(Revived(item)) = items.next_element()? {
            list = list.and_then(|mut list: Vec<_>| item.map(|item| list.push(item)).map(|()| list));
        }
        Ok(Revived(list.map(rmpv::Value::Array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Revived, A::Error> {
        let mut pairs = Ok(Vec::new());
        while let Some((Text(key), Revived(item))) = members.next_entry::<Text<'de>, Revived>()? {
            pairs = match (key.as_ref(), item) {
                ("$binary", Ok(rmpv::Value::String(encoded))) => {
                    let decoded = STANDARD.decode(encoded.as_bytes());
                    return decoded.map(|bytes| Revived(Ok(rmpv::Value::Binary(bytes)))).map_err(A::Error::custom);
                }
                ("$number", Ok(rmpv::Value::String(digits))) => {
                    let number = digits.as_str().unwrap_or_default().parse::<f64>();
                    return Ok(Revived(number.map(rmpv::Value::from).map_err(|error| error.to_string())));
                }
                ("$special", _) => Err("Rust has no such value".to_owned()),
                (key, item) => pairs.and_then(|mut pairs: Vec<_>| {
                    pairs.push((rmpv::Value::from(key), item?));
                    Ok(pairs)
                }),
            };
        }
        Ok(Revived(pairs.map(rmpv::Value::Map)))
    }
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

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
            rmpv::Value::Binary(bytes) | rmpv::Value::Ext(_, bytes) => tell_binary(bytes, serializer),
            rmpv::Value::Array(items) => serializer.collect_seq(items.iter().map(Told)),
            rmpv::Value::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, item)| (key.as_str().unwrap_or_default(), Told(item)));
                serializer.collect_map(pairs)
            }
        }
    }
}
