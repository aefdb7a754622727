//! How a report of a client's driver is altered: its word, its namespace, its arguments.

use serde_json::{Deserializer, Value};

/// The report in other forms, each changed in one place, with a name for it. `source` is what the line expects: what it
/// leaves out, or leaves to a pattern, is not altered.
pub(super) fn altered(report: &str, source: &str) -> Vec<(String, String)> {
    let (word, rest) = report.split_once(' ').unwrap_or((report, ""));
    let mut all = vec![(
        "change the word of the report".to_owned(),
        format!("other {rest}").trim_end().to_owned(),
    )];
    let stated = source.split(' ').count();
    let (namespace, arguments) = if rest.starts_with('/') {
        rest.split_once(' ').unwrap_or((rest, ""))
    } else {
        ("", rest)
    };
    if !namespace.is_empty() {
        let other = format!("{word} {namespace}x {arguments}");
        all.push(("change the namespace".to_owned(), other.trim_end().to_owned()));
    }
    let Ok(arguments) = Deserializer::from_str(arguments)
        .into_iter::<Value>()
        .collect::<Result<Vec<_>, _>>()
    else {
        return all;
    };
    // A report that is stated no further is free from there on; a pattern is as good as any value of its kind.
    let literal = !source.contains(['<', '…']) && !source.ends_with("...");
    let is_stated = stated > 1 + usize::from(!namespace.is_empty());
    if !literal || !is_stated || arguments.is_empty() {
        return all;
    }
    let head = if namespace.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {namespace}")
    };
    let shown = |arguments: &[Value]| {
        arguments
            .iter()
            .fold(head.clone(), |text, value| format!("{text} {value}"))
    };
    let mut other = arguments.clone();
    other[0] = Value::from("another value");
    all.push(("change the first argument".to_owned(), shown(&other)));
    if matches!(word, "event" | "ack") {
        let mut more = arguments.clone();
        more.push(Value::from("one more"));
        all.push(("add an argument".to_owned(), shown(&more)));
        all.push((
            "drop the last argument".to_owned(),
            shown(&arguments[..arguments.len() - 1]),
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_states_is_altered_and_the_rest_is_not() {
        let names = |report, source| -> Vec<String> {
            altered(report, source)
                .into_iter()
                .map(|(_, text)| text)
                .collect()
        };
        assert_eq!(
            names(r#"event / "a" 1"#, r#"event / "a" 1"#),
            [
                r#"other / "a" 1"#,
                r#"event /x "a" 1"#,
                r#"event / "another value" 1"#,
                r#"event / "a" 1 "one more""#,
                r#"event / "a""#,
            ]
        );
        assert_eq!(
            names(r#"disconnect / "transport close""#, "disconnect /"),
            [
                r#"other / "transport close""#,
                r#"disconnect /x "transport close""#
            ]
        );
        assert_eq!(names("reconnect_failed", "reconnect_failed"), ["other"]);
    }
}
