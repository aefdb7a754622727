//! What templates send.

use super::text;
use crate::notation::Binary;
use crate::pattern::{Captured, Captures, RenderError, check_template, render, render_binary, render_plain};

fn captures() -> Captures {
    let mut captures = Captures::new();
    captures.set_text("sid", "a\"b");
    captures.set("id", Captured::Json("12".to_owned()));
    captures.set("name", Captured::Json("\"x\\ny\"".to_owned()));
    captures
}

fn sent(source: &str) -> String {
    let bytes = render(&text(source), 7, &captures()).unwrap_or_else(|error| panic!("{source}: {error}"));
    String::from_utf8(bytes).expect("it is UTF-8")
}

#[test]
fn texts_are_sent_as_they_are_written() {
    for source in [
        "42[\"a\", {\"b\": 1}]",
        "4\\u0041 \\\" \\\\",
        "a < b",
        "é😀",
        "",
        "42[01,]x",
    ] {
        assert_eq!(sent(source), source);
    }
}

#[test]
fn escapes_generators_and_the_counter_are_put_in() {
    assert_eq!(render(&text("\\x1e\\xff"), 0, &captures()), Ok(vec![0x1e, 0xff]));
    assert_eq!(sent("a\\\\x41"), "a\\\\x41");
    assert_eq!(sent("42[\"<repeat 3 \"ab\">\",<#>]"), "42[\"ababab\",7]");
    assert_eq!(
        render(&text("<repeat 2 \"\\\\xfe\">"), 0, &captures()),
        Ok(vec![0xfe, 0xfe])
    );
}

#[test]
fn kept_values_are_put_in_as_they_fit() {
    assert_eq!(sent("43<id>[<id>,\"<id>\"]"), "4312[12,\"12\"]");
    assert_eq!(sent("4<name>[<name>,\"<name>!\"]"), "4x\ny[\"x\\ny\",\"x\\ny!\"]");
    assert_eq!(
        sent("4<sid>[<sid>,\"<sid>\",{\"a\":<sid>}]"),
        "4a\"b[\"a\\\"b\",\"a\\\"b\",{\"a\":\"a\\\"b\"}]"
    );
    assert_eq!(
        sent("4[\"\\\"\",<name>]"),
        "4[\"\\\"\",\"x\\ny\"]",
        "an escaped quote ends no string"
    );
    let plain = render_plain(&text("?sid=<sid>&x={<name>"), 0, &captures());
    assert_eq!(plain, Ok(b"?sid=a\"b&x={x\ny".to_vec()));
}

#[test]
fn what_is_free_or_unknown_cannot_be_sent() {
    assert_eq!(
        render(&text("4<nobody>"), 0, &captures()),
        Err(RenderError::Unknown("nobody".to_owned()))
    );
    let error = check_template(&text("42[<int>]")).expect_err("it is free");
    assert_eq!((error.offset, error.len), (3, 5));
    assert!(render(&text("42[<a:int>]"), 0, &captures()).is_err());
    assert_eq!(render_binary(&Binary::Any), Err(RenderError::Free));
    assert_eq!(
        render_binary(&Binary::Repeat {
            count: 2,
            bytes: vec![1, 2]
        }),
        Ok(vec![1, 2, 1, 2])
    );
}

#[test]
fn names_are_found_with_their_places() {
    let names = check_template(&text("4<a>[\"<b>\",<#>]")).expect("it can be sent");
    let used: Vec<(&str, usize, usize)> = names
        .used
        .iter()
        .map(|n| (n.name.as_str(), n.offset, n.len))
        .collect();
    assert_eq!(used, [("a", 1, 3), ("b", 6, 3)]);
    assert!(names.counts);
}
