//! Laws: what JSON says is what matters, not how it is written; and no text whatever makes a reader panic.

use super::text;
use crate::notation::Text;
use crate::pattern::{Captures, Pattern, check_template, render};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e15..1e15).prop_map(Value::from),
        "[a-z<>:#\\\\\"é😀\u{0}\u{1e}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let member = ("[a-z \"é]{0,4}", inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same value in other words: members in another order, white space, escapes, numbers with exponents.
fn rewritten(value: &Value, salt: u64, out: &mut String) {
    let space = [" ", "", "\n\t", ""][(salt % 4) as usize];
    out.push_str(space);
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                rewritten(item, salt.rotate_left(7) ^ i as u64, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            if salt.is_multiple_of(2) {
                members.reverse();
            }
            for (i, (key, item)) in members.into_iter().enumerate() {
                out.push_str(if i > 0 { " , " } else { "" });
                string(key, salt, out);
                out.push(':');
                rewritten(item, salt.rotate_left(9) ^ i as u64, out);
            }
            out.push('}');
        }
        Value::String(text) => string(text, salt, out),
        Value::Number(number) if number.is_i64() && salt.is_multiple_of(3) => {
            out.push_str(&format!("{number}00E-2"));
        }
        other => out.push_str(&other.to_string()),
    }
    out.push_str(space);
}

fn string(text: &str, salt: u64, out: &mut String) {
    if salt.is_multiple_of(2) {
        return out.push_str(&Value::from(text).to_string());
    }
    let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    out.push_str(&format!("\"{escaped}\""));
}

/// A value as a literal pattern: `<` begins patterns, so it is escaped.
fn literal(value: &Value) -> String {
    format!("42[{}]", value.to_string().replace('<', "\\u003c"))
}

proptest! {
    #[test]
    fn a_literal_matches_whatever_way_its_value_is_written(value in values(), salt: u64) {
        let mut came = String::from("42[");
        rewritten(&value, salt, &mut came);
        came.push(']');
        let pattern = Pattern::compile(&text(&literal(&value))).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(pattern.matches(&came, 0, &mut Captures::new()), Ok(()));
    }

    #[test]
    fn a_literal_matches_no_other_value(one in values(), other in values()) {
        let pattern = Pattern::compile(&text(&literal(&one))).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let fits = pattern.matches(format!("42[{other}]"), 0, &mut Captures::new()).is_ok();
        prop_assert_eq!(fits, same(&one, &other));
    }

    #[test]
    fn what_a_literal_template_sends_its_pattern_matches(value in values()) {
        let source = text(&literal(&value));
        let sent = render(&source, 3, &Captures::new()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let pattern = Pattern::compile(&source).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(pattern.matches(sent, 3, &mut Captures::new()), Ok(()));
    }

    #[test]
    fn no_text_makes_a_reader_panic(
        source in "(\\PC|[\\[\\]{}\",:<>\\\\x0-9a-z#.]|<int>|<a:any>|<a>|<#>|\\\\x1e|\\.\\.\\.|<repeat 2 \"a\">){0,24}",
        came in "(\\PC|[\\[\\]{}\",:<>\\\\0-9a-z]|4\\[\"){0,24}",
    ) {
        let source = Text(source);
        let _ = check_template(&source);
        let _ = render(&source, 1, &Captures::new());
        let compiled = [Pattern::compile(&source), Pattern::compile_plain(&source), Pattern::compile_report(&source)];
        for pattern in compiled.into_iter().flatten() {
            let _ = pattern.matches(&came, 1, &mut Captures::new()).map_err(|mismatch| mismatch.to_string());
        }
    }
}

/// Whether two values are the same, `1` and `1.0` too.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || a.as_f64() == b.as_f64() && a.is_f64() != b.is_f64()
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}
