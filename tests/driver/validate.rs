//! A validator of JSON Schema for the keywords that the schema of the driver protocol uses. An unknown one is an error.

use serde_json::{Map, Value};

/// What only tells something to readers.
const TELLING: [&str; 7] = [
    "$schema",
    "title",
    "description",
    "examples",
    "format",
    "$defs",
    "default",
];

/// What is wrong with a value, if something is. `root` is the schema that references start from.
pub(crate) fn validate(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(schema) = schema.as_object() else {
        return if schema == &Value::Bool(false) {
            Err("nothing fits".to_owned())
        } else {
            Ok(())
        };
    };
    for (keyword, expected) in schema {
        keyword_holds(root, schema, keyword, expected, value)
            .map_err(|why| format!("{why} ({keyword} of {value})"))?;
    }
    Ok(())
}

fn keyword_holds(
    root: &Value,
    schema: &Map<String, Value>,
    keyword: &str,
    expected: &Value,
    value: &Value,
) -> Result<(), String> {
    let list = || expected.as_array().into_iter().flatten();
    let fitting = || list().filter(|one| validate(root, one, value).is_ok()).count();
    let object = || value.as_object().into_iter().flatten();
    let holds = match keyword {
        "type" => match expected {
            Value::Array(types) => types.iter().any(|one| is(one, value)),
            one => is(one, value),
        },
        "const" => value == expected,
        "enum" => list().any(|one| one == value),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| Some(number) >= expected.as_f64()),
        "required" => {
            !value.is_object() || list().all(|key| key.as_str().is_some_and(|key| value.get(key).is_some()))
        }
        "properties" => {
            return object()
                .filter_map(|(key, inner)| Some((expected.get(key)?, inner)))
                .try_for_each(|(schema, inner)| validate(root, schema, inner));
        }
        "additionalProperties" => {
            let named = schema.get("properties");
            return object()
                .filter(|(key, _)| named.is_none_or(|named| named.get(key.as_str()).is_none()))
                .try_for_each(|(_, inner)| validate(root, expected, inner));
        }
        "items" => {
            return value
                .as_array()
                .into_iter()
                .flatten()
                .try_for_each(|inner| validate(root, expected, inner));
        }
        "anyOf" => fitting() > 0,
        "oneOf" => fitting() == 1,
        "allOf" => return list().try_for_each(|one| validate(root, one, value)),
        "$ref" => {
            let path = expected.as_str().and_then(|text| text.strip_prefix('#')).unwrap();
            return validate(root, root.pointer(path).unwrap(), value);
        }
        telling if TELLING.contains(&telling) => true,
        unknown => panic!("the validator does not know the keyword {unknown}"),
    };
    if holds {
        Ok(())
    } else {
        Err(format!("expected {expected}"))
    }
}

fn is(expected: &Value, value: &Value) -> bool {
    match expected.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("there is no type {other}"),
    }
}
