//! What shows in the text of a packet, or in a value of it, that codecs treat in ways of their own.

use memchr::{memchr, memchr2_iter};
use serde_json::Value;

/// What JSON takes for white space.
pub(super) const JSON_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Whether a Socket.IO packet has digits as an id, and what stands behind them.
pub(super) fn header(text: &str) -> (bool, &str) {
    let mut rest = text.get(1..).unwrap_or_default();
    if text.starts_with(['5', '6'])
        && let Some((_, behind)) = rest.split_once('-')
    {
        rest = behind;
    }
    if rest.starts_with('/') {
        rest = rest.split_once(',').map_or("", |(_, behind)| behind);
    }
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (behind.len() < rest.len(), behind)
}

/// `1e0`, `0x1`, `+1`, ` 1`, `01`, `1.0`: a number of attachments to some, and to others none.
pub(super) fn is_exotic_count(text: &str) -> bool {
    let Some((count, _)) = text.get(1..).and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    if plain {
        return count.starts_with('0') && count.len() > 1;
    }
    let trimmed = count.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let prefixed = ["0x", "0X", "0b", "0B", "0o", "0O"]
        .iter()
        .any(|start| trimmed.starts_with(start));
    let prefixed = prefixed && trimmed.len() > 2 && trimmed[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
    prefixed
        || trimmed
            .parse::<f64>()
            .is_ok_and(|count| count.is_finite() && count.fract() == 0.0)
}

/// Whether a text may have been read as this JSON value, which is no number.
pub(super) fn looks_like(text: &str, value: &Value) -> bool {
    let text = text.trim();
    match value {
        Value::Array(_) => text.starts_with('['),
        Value::Object(_) => text.starts_with('{'),
        Value::String(_) => text.starts_with('"'),
        Value::Bool(bool) => text == if *bool { "true" } else { "false" },
        Value::Null => text == "null",
        Value::Number(_) => false,
    }
}

/// Whether a `num` is a whole number that is not written as one.
pub(super) fn has_exotic_number(text: &str) -> bool {
    numbers(text).any(|written| {
        let plain = written.bytes().all(|byte| byte.is_ascii_digit());
        !plain
            && written
                .parse::<f64>()
                .is_ok_and(|num| num >= 0.0 && num.fract() == 0.0)
    })
}

/// Whether a member `_placeholder` is anything but `true`.
pub(super) fn has_odd_placeholder(text: &str) -> bool {
    text.split("\"_placeholder\"").skip(1).any(|behind| {
        let value = behind.trim_start_matches(JSON_SPACE).strip_prefix(':');
        value.is_some_and(|value| !value.trim_start_matches(JSON_SPACE).starts_with("true"))
    })
}

/// Whether a placeholder has a member that it needs not.
pub(super) fn has_extra_member(text: &str) -> bool {
    fn is_extra(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(is_extra),
            Value::Object(members) if members.get("_placeholder") == Some(&Value::Bool(true)) => {
                members.len() > 2
            }
            Value::Object(members) => members.values().any(is_extra),
            _ => false,
        }
    }
    serde_json::from_str(header(text).1).is_ok_and(|payload| is_extra(&payload))
}

/// The numbers that stand behind `"num"`, as they are written.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    text.split("\"num\"").skip(1).map(move |behind| {
        let behind = behind
            .trim_start_matches(JSON_SPACE)
            .trim_start_matches(':')
            .trim_start_matches(JSON_SPACE);
        &behind[..behind.find(|c| !number(c)).unwrap_or(behind.len())]
    })
}

pub(super) fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Object(members) if members.len() == 1 => match members.get("$number")?.as_str()? {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        _ => None,
    }
}

/// Whether so many digits follow each other.
pub(super) fn has_digits(text: &str, many: usize) -> bool {
    let mut digits = 0;
    text.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits >= many
    })
}

/// Whether a number has an exponent that matters.
pub(super) fn has_exponent(text: &str) -> bool {
    memchr2_iter(b'e', b'E', text.as_bytes()).any(|at| {
        let digits = text[at + 1..].trim_start_matches(['+', '-']);
        digits.bytes().take_while(u8::is_ascii_digit).count() >= 3
    })
}

pub(super) fn has_lone_surrogate(text: &str) -> bool {
    let unit = |at: usize| {
        let digits = text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = memchr(b'\\', text.as_bytes().get(at..).unwrap_or_default()) {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => return true,
            // What is escaped may be a backslash.
            _ => 2,
        };
    }
    false
}

pub(super) fn without_prototype(ours: &Value, theirs: &Value) -> bool {
    let (Value::Object(ours), Value::Object(theirs)) = (ours, theirs) else {
        return false;
    };
    let special = |key: &&String| *key == "__proto__" || *key == "constructor";
    if !ours.keys().chain(theirs.keys()).any(|key| special(&key)) {
        return false;
    }
    let plain = |members: &serde_json::Map<String, Value>| {
        let plain = members.iter().filter(|(key, _)| !special(key));
        Value::Object(plain.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    super::alike::alike(&plain(ours), &plain(theirs)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_far_as_freedoms_need() {
        assert_eq!(header("2/a,12 [1]"), (true, " [1]"));
        assert_eq!(header("51-/a,[1]"), (false, "[1]"));
        assert_eq!(header("2/a"), (false, ""));
        for (text, exotic) in [
            ("51-[]", false),
            ("501-[]", true),
            ("51e0-[]", true),
            ("50x1-", true),
            ("5 1-", true),
            ("5x-", false),
            ("51.5-", false),
            ("5-1-", false),
        ] {
            assert_eq!(is_exotic_count(text), exotic, "{text}");
        }
    }

    #[test]
    fn placeholders_that_no_encoder_writes_are_seen() {
        for (text, odd, extra) in [
            (r#"51-["a",{"_placeholder":true,"num":0}]"#, false, false),
            (r#"51-["a",{"_placeholder" : true ,"num":0,"x":1}]"#, false, true),
            (r#"51-["a",{"b":[{"_placeholder": 1,"num":0}]}]"#, true, false),
            (r#"51-["a",{"_placeholder":false}]"#, true, false),
            (r#"51-["_placeholder","_placeholder"]"#, false, false),
        ] {
            assert_eq!(
                (has_odd_placeholder(text), has_extra_member(text)),
                (odd, extra),
                "{text}"
            );
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_seen() {
        assert!(has_lone_surrogate(r#""\ud800""#) && has_lone_surrogate(r#""\ude00\ud83d""#));
        assert!(!has_lone_surrogate(r#""\ud83d\ude00 é""#) && !has_lone_surrogate(r#""\\ud800""#));
    }
}
