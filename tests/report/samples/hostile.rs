//! A result of which every text tries to be more than text.

use super::{Sample, sample};
use serde_json::Value;
use siospec::outcome::RunResult;

/// What the texts are replaced by. A page in which one of them works has `window.broken` set, or another title.
pub(crate) const TRICKS: [&str; 12] = [
    "<script>window.broken=1</script>",
    "\"><img src=x onerror=\"window.broken=1\">",
    "javascript:window.broken=1",
    "</script><script>window.broken=1</script><!--",
    "]]></failure><testcase name=\"broken\"/>",
    "\u{1b}[2J\u{1b}]0;broken\u{7}",
    "nul \0 and \u{9b} and \u{ffff} and \u{2028}",
    "\\ud800 \\u003cscript>window.broken=1\\u003c/script>",
    "`\n```\n# broken\n<h1 id=broken>\n| a | b |\n[x](javascript:window.broken=1) ![x](https://example.test/x.png)",
    "'; } window.broken = 1; //",
    "::error::broken\n::stop-commands::x",
    "\u{202e}\u{2066}</style><svg onload=window.broken=1>",
];
/// The keys whose values are words of a fixed form, not texts.
const FORMAL: [&str; 4] = ["verdict", "gate", "by", "schema_version"];

/// A small result in which every text is one of the tricks, and some are large.
pub(crate) fn hostile(target: &str, large: usize) -> RunResult {
    let mut result = sample(Sample {
        target,
        role: "server",
        trouble: 60,
        seed: 7,
    });
    result.cases.truncate(60);
    let mut value = serde_json::to_value(&result).unwrap();
    let mut next = 0;
    replace(&mut value, &mut next, "");
    let mut result: RunResult = serde_json::from_value(value).unwrap();
    for (index, case) in result.cases.iter_mut().enumerate() {
        case.id = format!("{} {index}", case.id);
        case.area = TRICKS[index % TRICKS.len()].to_owned();
    }
    let big: String = "<b>&\0".repeat(large / 5);
    if large > 0 {
        result.cases[0].title.push_str(&big);
        result.cases[1].message.push_str(&big);
        result.cases[2].script.push_str(&big);
        let smaller = &big[..100_000];
        result.cases[3].over.push_str(smaller);
        result.cases[4].variant.push_str(smaller);
        result.cases[5].level.push_str(smaller);
        result.target.name.push_str(&big);
    }
    super::count(&mut result);
    result
}

fn replace(value: &mut Value, next: &mut usize, key: &str) {
    match value {
        Value::String(text) if !FORMAL.contains(&key) => {
            *text = TRICKS[*next % TRICKS.len()].to_owned();
            *next += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, next, key)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(key, member)| replace(member, next, key)),
        _ => {}
    }
}
