//! Finding the placeholders of a binary packet while its JSON is validated.
//!
//! A placeholder is an object whose `_placeholder` is `true`; its `num` selects an attachment. Keys may come in any
//! order, escaped, repeated (the last one counts) and with others beside them. A placeholder inside another one is data
//! that the outer one replaces.

use super::{json::Watch, text::unquote};

/// Where a placeholder stands in the text of its packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Placeholder {
    pub(super) start: u32,
    pub(super) end: u32,
    /// The attachment that it selects; `None` if `num` is absent or no index.
    pub(super) num: Option<u32>,
}

/// Collects the placeholders of the values that are skipped with it, in the order of the text.
#[derive(Default)]
pub(super) struct PlaceholderFinder {
    pub(super) found: Vec<Placeholder>,
    open: Vec<OpenObject>,
}

struct OpenObject {
    start: u32,
    key: Key,
    is_placeholder: bool,
    num: Option<u32>,
}

#[derive(Clone, Copy)]
enum Key {
    Placeholder,
    Num,
    Other,
}

const CANONICAL: &[u8] = b"{\"_placeholder\":true,\"num\":";

impl Watch for PlaceholderFinder {
    fn open(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        if let Some(end) = self.take_canonical(bytes, at) {
            return Some(end);
        }
        self.open.push(OpenObject {
            start: at as u32,
            key: Key::Other,
            is_placeholder: false,
            num: None,
        });
        None
    }

    fn key(&mut self, raw: &[u8]) {
        if let Some(object) = self.open.last_mut() {
            object.key = classify(raw);
        }
    }

    fn scalar(&mut self, raw: &[u8]) {
        if let Some(object) = self.open.last_mut() {
            match object.key {
                Key::Placeholder => object.is_placeholder = raw == b"true",
                Key::Num => object.num = parse_index(raw),
                Key::Other => {}
            }
        }
    }

    fn container(&mut self) {
        self.scalar(b"");
    }

    fn close(&mut self, end: usize) {
        let Some(object) = self.open.pop() else { return };
        if object.is_placeholder {
            while self.found.last().is_some_and(|inner| inner.start > object.start) {
                self.found.pop();
            }
            self.found.push(Placeholder {
                start: object.start,
                end: end as u32,
                num: object.num,
            });
        }
    }
}

impl PlaceholderFinder {
    /// The form that every encoder writes, taken in one step.
    fn take_canonical(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let digits = bytes[at..].strip_prefix(CANONICAL)?;
        let length = digits
            .iter()
            .take(10)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let num = parse_index(&digits[..length])?;
        if digits.get(length) != Some(&b'}') {
            return None;
        }
        let end = at + CANONICAL.len() + length + 1;
        self.found.push(Placeholder {
            start: at as u32,
            end: end as u32,
            num: Some(num),
        });
        Some(end)
    }
}

fn classify(raw: &[u8]) -> Key {
    match raw {
        b"\"_placeholder\"" => Key::Placeholder,
        b"\"num\"" => Key::Num,
        _ if raw.contains(&b'\\') => match std::str::from_utf8(raw).ok().and_then(unquote).as_deref() {
            Some("_placeholder") => Key::Placeholder,
            Some("num") => Key::Num,
            _ => Key::Other,
        },
        _ => Key::Other,
    }
}

/// A plain non-negative integer of at most nine digits.
fn parse_index(raw: &[u8]) -> Option<u32> {
    let plain =
        matches!(raw, [b'0'] | [b'1'..=b'9', ..]) && raw.len() <= 9 && raw.iter().all(u8::is_ascii_digit);
    plain.then(|| {
        raw.iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::json::skip_value;

    fn find(text: &str) -> Vec<(&str, Option<u32>)> {
        let mut finder = PlaceholderFinder::default();
        skip_value(text.as_bytes(), 0, &mut finder).unwrap();
        assert!(finder.open.is_empty());
        finder
            .found
            .iter()
            .map(|p| (&text[p.start as usize..p.end as usize], p.num))
            .collect()
    }

    #[test]
    fn finds_them_in_every_spelling() {
        for (text, num) in [
            (r#"{"_placeholder":true,"num":0}"#, Some(0)),
            (r#"{"num":3,"_placeholder":true}"#, Some(3)),
            (r#"{ "_placeholder" : true , "num" : 12 }"#, Some(12)),
            (r#"{"_placeholder":true,"num":0,"x":{"y":[1]}}"#, Some(0)),
            (r#"{"\u005fplaceholder":true,"n\u0075m":1}"#, Some(1)),
            (
                r#"{"_placeholder":false,"_placeholder":true,"num":0,"num":2}"#,
                Some(2),
            ),
            (r#"{"_placeholder":true}"#, None),
            (r#"{"_placeholder":true,"num":-1}"#, None),
            (r#"{"_placeholder":true,"num":0.5}"#, None),
            (r#"{"_placeholder":true,"num":"0"}"#, None),
            (r#"{"_placeholder":true,"num":"splice"}"#, None),
            (r#"{"_placeholder":true,"num":null}"#, None),
            (r#"{"_placeholder":true,"num":[0]}"#, None),
            (r#"{"_placeholder":true,"num":{}}"#, None),
            (r#"{"_placeholder":true,"num":9999999999}"#, None),
        ] {
            assert_eq!(find(text), [(text, num)], "{text}");
        }
    }

    #[test]
    fn leaves_what_is_none() {
        for text in [
            r#"{"_placeholder":false,"num":0}"#,
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"{"_placeholder":[true],"num":0}"#,
            r#"{"_placeholder":true,"num":0,"_placeholder":null}"#,
            r#"["_placeholder",true,"num",0]"#,
            r#"{"_placeholder":{"x":true}}"#,
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn the_outermost_counts() {
        let text = r#"[{"a":{"_placeholder":true,"num":1}},{"x":{"_placeholder":true,"num":9},"_placeholder":true,"num":0}]"#;
        assert_eq!(
            find(text).iter().map(|found| found.1).collect::<Vec<_>>(),
            [Some(1), Some(0)]
        );
    }
}
