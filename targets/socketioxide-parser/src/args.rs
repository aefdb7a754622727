//! Owns the type for "any arguments": socketioxide expands what (de)serializes as a tuple.

use rmpv::Value;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use std::borrow::Cow;

/// The arguments of an event or of an acknowledgement, as many as there are; binary ones are `Value::Binary`.
pub struct Args<'a>(pub Cow<'a, [Value]>);

impl Serialize for Args<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|arg| tuple.serialize_element(arg))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Args<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = Args<'static>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an array of arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Args<'static>, A::Error> {
                let mut args = Vec::new();
                while let Some(arg) = elements.next_element()? {
                    args.push(arg);
                }
                Ok(Args(args.into()))
            }
        }

        // The length is not known before; JSON does not need it.
        deserializer.deserialize_tuple(0, Elements)
    }
}
