//! Whether two values mean the same, as far as codecs must agree on it.

use super::freedoms;
use super::texts::as_float;
use crate::suite::compare;
use serde_json::Value;

/// Compares a value of the reference with that of a target. The names of the freedoms that it took are in `Ok`, in `Err`
/// what differs, in words that are the same for the same kind of difference.
pub(super) fn alike(ours: &Value, theirs: &Value) -> Result<Vec<&'static str>, String> {
    let mut taken = Vec::new();
    walk(ours, theirs, &mut taken)?;
    Ok(taken)
}

fn walk(ours: &Value, theirs: &Value, taken: &mut Vec<&'static str>) -> Result<(), String> {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).try_for_each(|(a, b)| walk(a, b, taken))
        }
        (Value::Object(a), Value::Object(b))
            if !is_special(ours)
                && !is_special(theirs)
                && a.len() == b.len()
                && a.keys().all(|key| b.contains_key(key)) =>
        {
            a.iter().try_for_each(|(key, a)| walk(a, &b[key], taken))
        }
        _ if compare::same(ours, theirs) => Ok(()),
        _ => match freedoms::of_values(ours, theirs) {
            Some(freedom) => {
                taken.push(freedom);
                Ok(())
            }
            None => Err(difference(ours, theirs)),
        },
    }
}

/// Whether two numbers are the same double, but for its last digit.
pub(super) fn same_number(ours: &Value, theirs: &Value) -> bool {
    match (as_float(ours), as_float(theirs)) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= a.abs().max(b.abs()) * 4.0 * f64::EPSILON,
        _ => false,
    }
}

fn difference(ours: &Value, theirs: &Value) -> String {
    match (ours, theirs) {
        (Value::Array(_), Value::Array(_)) => "length-of-list".to_owned(),
        (Value::Object(_), Value::Object(_)) if kind(ours) == kind(theirs) && kind(ours) == "object" => {
            "members".to_owned()
        }
        _ if kind(ours) == kind(theirs) => kind(ours).to_owned(),
        _ => format!("{}-as-{}", kind(ours), kind(theirs)),
    }
}

fn is_special(value: &Value) -> bool {
    kind(value) != "object"
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(members) => match members.keys().next().map(String::as_str) {
            Some("$binary") => "bytes",
            Some("$number") => "number",
            Some("$undefined" | "$function") => "nothing",
            _ => "object",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_must_be_the_same_is_told_from_what_may_differ() {
        let big = json!({ "$number": "9007199254740993" });
        for (a, b) in [
            (json!([1, { "a": 2.5 }]), json!([1.0, { "a": 2.5 }])),
            (json!([big]), json!([9_007_199_254_740_992_u64])),
            (json!([{ "a": 1, "__proto__": { "p": 1 } }]), json!([{ "a": 1 }])),
            (json!([{ "$json": "1e400" }]), json!([{ "$number": "Infinity" }])),
        ] {
            assert!(alike(&a, &b).is_ok(), "{a} {b}");
        }
        for (a, b, words) in [
            (json!([1]), json!(["1"]), "number-as-text"),
            (json!([1]), json!([2]), "number"),
            (json!([1, 2]), json!([1]), "length-of-list"),
            (json!({ "a": 1 }), json!({ "b": 1 }), "members"),
            (
                json!({ "a": 1 }),
                json!({ "$undefined": true }),
                "object-as-nothing",
            ),
            (
                json!([{ "$binary": "AQ==" }]),
                json!([{ "$binary": "AA==" }]),
                "bytes",
            ),
            (json!(null), json!(false), "null-as-boolean"),
        ] {
            assert_eq!(alike(&a, &b), Err(words.to_owned()), "{a} {b}");
        }
        assert_eq!(
            alike(&json!([0.1]), &json!([0.100_000_000_000_000_02])),
            Ok(vec!["rounded-number"])
        );
        assert_eq!(alike(&json!([1]), &json!([1])), Ok(Vec::new()));
    }
}
