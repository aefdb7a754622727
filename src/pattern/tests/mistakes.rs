//! What a reader is told: of patterns that cannot be read, and of what does not fit.

use super::{fits, told};
use crate::notation::{Binary, Text};
use crate::pattern::{Pattern, match_binary};

fn refused(pattern: &str) -> (usize, usize, String) {
    match Pattern::compile(&Text(pattern.to_owned())) {
        Ok(_) => panic!("{pattern} compiles"),
        Err(error) => (error.offset, error.len, error.to_string()),
    }
}

#[test]
fn wrong_patterns_are_pointed_at() {
    assert_eq!(refused("4\\xzz").0, 1);
    let (offset, len, message) = refused("42[\"a\" \"b\"]");
    assert_eq!((offset, len), (7, 1));
    assert_eq!(
        message,
        "the JSON goes on in a wrong way: expected `,` or `]`; where `[` begins no JSON, it is written `\\x5b`"
    );
    assert_eq!(refused("42[foo]").0, 3);
    assert_eq!(refused("42[\"a\",]").0, 7);
    assert_eq!(refused("42[..., 1]").0, 6);
    assert_eq!(refused("42[<x:text>]").0, 3);
    assert_eq!(refused("42[\"a\"]b").0, 7);
    assert_eq!(refused("42[01]").0, 4);
    assert_eq!(refused("42[\"a").0, 3);
    assert_eq!(refused("42[\"\\q\"]").0, 4);
    assert!(
        refused("0{\"a\":1,\"a\":2}")
            .2
            .contains("the member `a` stands here twice")
    );
    assert!(
        refused("0{\"<x:int>\":1}")
            .2
            .contains("a pattern in the name of a member")
    );
    assert!(
        refused(&format!("4{}", "[".repeat(10_001)))
            .2
            .contains("nested deeper")
    );
    assert_eq!(refused("ab<repeat 10 x>").0, 2);
    assert_eq!(
        refused("42[<repeat 3 \"[\">]").0,
        18,
        "the end is missing, not the generator"
    );
}

#[test]
fn a_mismatch_says_where_and_what() {
    assert_eq!(
        told(
            "44/nope,{\"message\":\"Invalid namespace\"}",
            "44/nope,{\"message\":\"Unable to connect\"}"
        ),
        "at .message: expected \"Invalid namespace\", came \"Unable to connect\""
    );
    assert_eq!(
        told("42[\"a\",{\"b\":[1,<int>]}]", "42[\"a\",{\"b\":[1,2.5]}]"),
        "at [1].b[1]: expected <int>, came 2.5"
    );
    assert_eq!(
        told("42[\"a\",1]", "42[\"a\"]"),
        "at [1]: expected 1, came the end of the array"
    );
    assert_eq!(
        told("42[\"a\"]", "42[\"a\",[2]]"),
        "at [1]: expected the end of the array, came [2]"
    );
    assert_eq!(
        told("0{\"a\":1}", "0{}"),
        "at .a: expected 1, came no such member"
    );
    assert_eq!(
        told("0{\"a\":1}", "0{\"b c\":2,\"a\":1}"),
        "at [\"b c\"]: expected no such member, came 2"
    );
    assert_eq!(
        told("0{\"a\":1,\"b\":2}", "0{\"a\":3}"),
        "at .a: expected 1, came 3",
        "the first in the order of the script"
    );
    assert_eq!(told("3probe", "3prob\u{0}"), "expected 3probe, came 3prob\\x00");
    assert_eq!(told("3", ""), "expected 3, came an empty text");
    assert_eq!(
        told("43<id>[]", "431[]"),
        "expected 43<id>[], came 431[] (nothing was kept under the name `id`)"
    );
}

#[test]
fn the_last_of_two_members_counts() {
    assert!(fits("0{\"a\":2}", "0{\"a\":1,\"a\":2}"));
    assert_eq!(
        told("0{\"a\":2}", "0{\"a\":1,\"a\":2,\"b\":3}"),
        "at .b: expected no such member, came 3 (a member stands there twice; the last one counts)"
    );
}

#[test]
fn classic_mistakes_are_named() {
    for (pattern, came, hint) in [
        ("bAQID", "b4AQID", "Engine.IO 3"),
        (
            "0{\"sid\":<string>, ...}",
            "97:0{\"sid\":\"x\"}",
            "length and a colon",
        ),
        (
            "40{\"sid\":<string>}",
            "40{\"sid\":\"x\"}42[\"a\"]",
            "without a \\x1e between",
        ),
        (
            "40{\"sid\":<string>}",
            "40{\"sid\":\"x\"}\u{1e}2",
            "characters follow behind the JSON: \\x1e2",
        ),
        ("2", "2\u{1e}2", "between the packets of an HTTP payload"),
        ("42[\"a\"]", "42[\"a\"] ", "white space follows"),
        (
            "42[\"a\"]",
            "42[\"a\"",
            "not JSON: the JSON goes on in a wrong way at byte 6",
        ),
        ("42[1]", "42[\"1\"]", "the number came as a string"),
        ("42[\"1\"]", "42[1]", "the string came as a number"),
        (
            "42[{\"a\":1}]",
            "42[\"{\\\"a\\\":1}\"]",
            "JSON came within a string",
        ),
        ("6", "42[\"a\"]", "a message packet (`4`) came"),
        ("42[\"a\"]", "42[NaN]", "not JSON"),
    ] {
        let told = told(pattern, came);
        assert!(told.contains(hint), "{pattern} and {came}: {told}");
    }
    let told = match_binary(&Binary::Bytes(vec![1, 2]), &[4, 1, 2])
        .expect_err("one byte too much")
        .to_string();
    assert!(told.contains("packet type of Engine.IO 3"), "{told}");
}

#[test]
fn long_texts_are_shown_in_part() {
    let told = told(
        &format!("42[\"{}b\"]", "a".repeat(100_000)),
        format!("42[\"{}c\"]", "a".repeat(100_000)),
    );
    assert!(told.len() < 1500, "{}", told.len());
    assert!(
        told.contains("the first difference is at byte 100000: `b` expected, `c` came"),
        "{told}"
    );
}

#[test]
fn invalid_utf8_is_no_json() {
    let told = told("4[\"a\"]", b"4[\"\xff\"]");
    assert!(told.contains("the string is not UTF-8"), "{told}");
}

#[test]
fn hostile_texts_cost_a_bounded_amount_of_work() {
    assert!(told("<any>[\"x\"]", "[".repeat(300_000)).contains("too many ways"));
    let many = "<any>a".repeat(30);
    assert!(!fits(&format!("{many}b"), &"a".repeat(20_000)));
    let deep = format!("4{}{}", "[".repeat(9_999), "]".repeat(9_999));
    assert!(fits(&deep, &deep));
    assert!(!fits("4[]", &deep));
    let deeper = format!("4{}", "[".repeat(1_000_000));
    assert!(told("4[]", deeper).contains("nested deeper"));
}

#[test]
fn a_deep_path_is_shown_by_its_end() {
    let nested = |inner: &str| format!("4{}{inner}{}", "[".repeat(500), "]".repeat(500));
    let told = told(&nested("1"), nested("2"));
    assert_eq!(told, format!("at …{}: expected 1, came 2", "[0]".repeat(20)));
}
