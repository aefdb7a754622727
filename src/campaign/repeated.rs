//! JSON with two members of the same name in one object, of which decoders see the last one only.

use crate::target::mended;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Whether an object in this JSON text has two members of the same name. `false` where the text is no JSON; lone surrogates
/// are as good as any character.
pub(super) fn repeats_member(json: &str) -> bool {
    serde_json::from_str::<Repeats>(&mended(json)).is_ok_and(|Repeats(repeats)| repeats)
}

/// Whether a value has such an object in it.
struct Repeats(bool);

impl<'de> Deserialize<'de> for Repeats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Repeats;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_str<E>(self, _: &str) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_unit<E>(self) -> Result<Repeats, E> {
        Ok(Repeats(false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Repeats, A::Error> {
        let mut repeats = false;
        while let Some(Repeats(inside)) = items.next_element()? {
            repeats |= inside;
        }
        Ok(Repeats(repeats))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Repeats, A::Error> {
        let (mut names, mut repeats) = (BTreeSet::new(), false);
        while let Some((name, Repeats(inside))) = members.next_entry::<String, Repeats>()? {
            repeats |= inside | !names.insert(name);
        }
        Ok(Repeats(repeats))
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
        ] {
            assert!(repeats_member(json), "{json}");
        }
        for json in [r#"{"a":1,"b":{"a":1}}"#, r#"["a","a"]"#, "", r#"{"a":1,"a":"#] {
            assert!(!repeats_member(json), "{json}");
        }
    }
}
