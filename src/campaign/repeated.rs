//! JSON with two members of the same name in one object, of which decoders see the last one only.

use crate::target::mended;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;

/// Whether an object in this JSON text has two members of the same name. `false` where the text is no JSON; lone surrogates
/// are as good as any character, and numbers may be too large for any type.
pub(super) fn repeats_member(json: &str) -> bool {
    repeats(mended(json).trim_matches(super::texts::JSON_SPACE))
}

fn repeats(json: &str) -> bool {
    match json.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            items.into_iter().any(|item| repeats(item.get()))
        }
        Some(b'{') => {
            let Ok(Members {
                values,
                repeats: found,
            }) = serde_json::from_str(json)
            else {
                return false;
            };
            found || values.into_iter().any(|value| repeats(value.get()))
        }
        _ => false,
    }
}

/// The values of an object, and whether two of its members have the same name.
struct Members<'a> {
    values: Vec<&'a RawValue>,
    repeats: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
        let (mut names, mut values, mut repeats) = (BTreeSet::new(), Vec::new(), false);
        while let Some((name, value)) = members.next_entry::<String, &RawValue>()? {
            repeats |= !names.insert(name);
            values.push(value);
        }
        Ok(Members { values, repeats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_the_same_name_are_seen_at_any_depth() {
        for json in [
            r#"{"a":1,"a":2}"#,
            r#"[1,{"b":{"a":1.5,"\u0061":null}},true,"x",-1]"#,
            r#"["\uda00",{"á":{"_placeholder":true},"á":true}]"#,
            r#" ["",{"\n":{"_placeholder":true},"\n":null},1e400]"#,
        ] {
            assert!(repeats_member(json), "{json}");
        }
        for json in [r#"{"a":1,"b":{"a":1}}"#, r#"["a","a"]"#, "", r#"{"a":1,"a":"#] {
            assert!(!repeats_member(json), "{json}");
        }
    }
}
