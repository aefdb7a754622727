//! What patterns match and keep.

use super::{fits, matched, text};
use crate::notation::Binary;
use crate::pattern::{Captured, Captures, Pattern, match_binary};

#[test]
fn literals_match_exactly() {
    assert!(fits("2probe", "2probe"));
    assert!(!fits("2probe", "2probe "));
    assert!(!fits("2probe", "2prob"));
    assert!(fits("", ""));
    assert!(!fits("", "6"));
    assert!(fits("a < b & <b c>", "a < b & <b c>"));
    assert!(fits("\\x34\\x1e2", "4\u{1e}2"));
    assert!(
        fits("a\\\\x41", "a\\\\x41"),
        "a backslash takes the next character with it"
    );
}

#[test]
fn json_matches_by_value() {
    assert!(fits(
        "42[\"a\",{\"b\":1,\"c\":[true,null]}]",
        "42[ \"a\" ,{\"c\":[true, null],\n\"b\":1.0}]"
    ));
    assert!(fits("42[\"\\u00e9\\ud83d\\ude00\\/\"]", "42[\"é😀/\"]"));
    assert!(fits("42[12345678901234567890]", "42[1.2345678901234567890e19]"));
    assert!(!fits("42[12345678901234567890]", "42[12345678901234567891]"));
    assert!(!fits("42[1]", "42[\"1\"]"));
    assert!(!fits("42[[1]]", "42[[1,2]]"));
    assert!(!fits("42[{\"a\":1}]", "42[{\"a\":1,\"b\":2}]"));
    assert!(!fits("42[\"a\"]", "43[\"a\"]"));
    assert!(
        fits("42[\"\\ud800\"]", "42[\"\\uD800\"]"),
        "half a surrogate pair is a value too"
    );
    assert!(!fits("42[\"\\ud800\"]", "42[\"\\ud801\"]"));
}

#[test]
fn wildcards_in_json_ask_for_a_kind() {
    for (pattern, right, wrong) in [
        ("<string>", vec!["\"\"", "\"a\""], vec!["1", "null", "[\"a\"]"]),
        ("<number>", vec!["1", "-1.5e3"], vec!["\"1\"", "true"]),
        (
            "<int>",
            vec!["1", "1.0", "1e3", "123456789012345678901234567890"],
            vec!["1.5", "\"1\""],
        ),
        ("<bool>", vec!["true", "false"], vec!["0", "null"]),
        ("<any>", vec!["null", "{\"a\":[]}", "1"], vec![]),
    ] {
        let pattern = format!("4[{pattern}]");
        for value in right {
            assert!(fits(&pattern, &format!("4[{value}]")), "{pattern} {value}");
        }
        for value in wrong {
            assert!(!fits(&pattern, &format!("4[{value}]")), "{pattern} {value}");
        }
    }
}

#[test]
fn wildcards_in_text_ask_for_a_form() {
    assert!(fits("4<int>", "4120"));
    assert!(!fits("4<int>", "4"));
    assert!(!fits("4<int>", "4a"));
    assert!(
        fits("<int>0", "1200"),
        "a number gives back what it took too much"
    );
    assert!(fits("4<any>", "4"));
    assert!(!fits("4<string>", "4"));
    assert!(fits("a<string>b<any>c", "a12b34bc"));
    assert!(fits("<number>!", "-1.5e3!"));
    assert!(fits("<bool>", "false"));
    assert!(!fits("<bool>", "falsey"));
}

#[test]
fn dots_leave_arrays_and_objects_open() {
    assert!(fits(
        "0{\"sid\":<string>, ...}",
        "0{\"upgrades\":[],\"sid\":\"x\"}"
    ));
    assert!(fits("0{...}", "0{}"));
    assert!(fits("42[\"a\",...]", "42[\"a\",1,2]"));
    assert!(fits("42[...]", "42[]"));
    assert!(!fits("42[\"a\",1,...]", "42[\"a\"]"));
    assert!(!fits("0{\"sid\":<string>, ...}", "0{\"upgrades\":[]}"));
}

#[test]
fn strings_may_have_free_parts() {
    assert!(fits(
        "44{\"message\":\"<string> is not <any>\"}",
        "44{\"message\":\"x is not \"}"
    ));
    assert!(!fits(
        "44{\"message\":\"<string> is not <any>\"}",
        "44{\"message\":\" is not y\"}"
    ));
    assert!(fits("4[\"n<int>\",\"<#>\"]", "4[\"n12\",\"7\"]"));
    assert!(fits("4[\"1 < 2 \\u003cint>\"]", "4[\"1 < 2 <int>\"]"));
}

#[test]
fn values_are_kept_and_asked_for_again() {
    let mut captures = Captures::new();
    matched(
        "0{\"sid\":<sid:string>,\"n\":<n:number>, ...}",
        "0{\"n\":2.50,\"sid\":\"a\\\"b\"}",
        &mut captures,
    )
    .expect("it fits");
    assert_eq!(
        captures.get("sid"),
        Some(&Captured::Json("\"a\\\"b\"".to_owned()))
    );
    assert_eq!(captures.get("n"), Some(&Captured::Json("2.50".to_owned())));
    assert!(
        matched(
            "4[<sid>,<n>,\"<sid>!\"]",
            "4[\"a\\\"b\",2.5,\"a\\\"b!\"]",
            &mut captures
        )
        .is_ok()
    );
    assert!(matched("4[<sid>]", "4[\"a\"]", &mut captures).is_err());
    assert!(matched("?sid=<sid>", "?sid=a\"b", &mut captures).is_ok());

    matched("42<id:int>[\"ask\"]", "4210[\"ask\"]", &mut captures).expect("it fits");
    assert_eq!(captures.get("id"), Some(&Captured::Text("10".to_owned())));
    assert!(
        matched(
            "43<id>[<id>,\"<id>\",<id>]",
            "4310[10,\"10\",\"10\"]",
            &mut captures
        )
        .is_ok()
    );
}

#[test]
fn a_value_can_be_asked_for_where_it_was_kept() {
    assert!(fits("4[<a:int>,<a>]", "4[5,5]"));
    assert!(!fits("4[<a:int>,<a>]", "4[5,6]"));
    assert!(fits("<a:string>=<a>", "xy=xy"));
    assert!(!fits("<a:string>=<a>", "xy=xz"));
}

#[test]
fn nothing_is_kept_of_what_does_not_fit() {
    let mut captures = Captures::new();
    captures.set_text("a", "old");
    assert!(matched("4[<a:int>,<b:int>,1]", "4[5,6,2]", &mut captures).is_err());
    assert_eq!(captures.get("a"), Some(&Captured::Text("old".to_owned())));
    assert_eq!(captures.get("b"), None);
}

#[test]
fn the_counter_is_the_repetition() {
    assert!(fits("42[\"item\",<#>]", "42[\"item\",7]"));
    assert!(!fits("42[\"item\",<#>]", "42[\"item\",8]"));
    assert!(fits("42<#>[]", "427[]"));
}

#[test]
fn generated_text_is_expected_as_if_it_were_written() {
    let came = format!("42[\"{}\"]", "a".repeat(1000));
    assert!(fits("42[\"<repeat 1000 \"a\">\"]", &came));
    assert!(!fits("42[\"<repeat 1001 \"a\">\"]", &came));
    assert!(fits("4[<repeat 3 \"1,\">1]", "4[1,1,1,1]"));
}

#[test]
fn json_begins_only_behind_the_front_of_a_packet() {
    assert!(fits("452-/a,12[\"x\"]", "452-/a,12[ \"x\" ]"));
    assert!(fits("{\"code\":<int>, ...}", "{\"message\":\"\",\"code\":1}"));
    assert!(fits("\"<any>\"", "\"Not found\""));
    assert!(fits("___eio[0](\"<any>\");", "___eio[0](\"x\");"));
    assert!(!fits("___eio[0](\"<any>\");", "___eio[ 0](\"x\");"));
    assert!(fits("42[\"a\"]\\x1e42[\"b\"]", "42[ \"a\"]\u{1e}42[\"b\" ]"));
    assert!(fits("\\x5bfoo", "[foo"));
}

#[test]
fn plain_texts_have_no_json() {
    let plain = Pattern::compile_plain(&text("text/plain; charset=\"<string>\"")).expect("it compiles");
    let mut captures = Captures::new();
    assert!(
        plain
            .matches("text/plain; charset=\"UTF-8\"", 0, &mut captures)
            .is_ok()
    );
    assert!(
        plain
            .matches("text/plain; charset= \"UTF-8\"", 0, &mut captures)
            .is_err()
    );
    let bytes = Pattern::compile_plain(&text("\\xff\\x00<any>")).expect("it compiles");
    assert!(bytes.matches(b"\xff\x00\xfe", 0, &mut captures).is_ok());
}

#[test]
fn reports_are_matched_argument_by_argument() {
    let mut captures = Captures::new();
    let mut fits = |pattern: &str, came: &str| {
        let pattern =
            Pattern::compile_report(&text(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        pattern.matches(came, 0, &mut captures).is_ok()
    };
    assert!(fits(
        "event / \"question\" {\"a\":1}",
        "event / \"question\"  {\"a\": 1.0}"
    ));
    assert!(fits(
        "event / \"a b\" 1 <int> <ns:string>",
        "event / \"a b\" 1.0 2 /custom"
    ));
    assert!(fits("event <string> <any>", "event / [1, 2]"));
    assert!(fits("event / ...", "event / \"a\" 2"));
    assert!(fits("connect /", "connect /"));
    assert!(!fits("connect /", "connect / 1"));
    assert!(!fits("connect / 1", "connect /"));
    assert!(!fits("event / \"a\"", "event / a"));
    assert!(!fits("connect /", "disconnect /"));
}

#[test]
fn bytes_are_compared_as_they_are() {
    assert!(match_binary(&Binary::Bytes(vec![1, 2]), &[1, 2]).is_ok());
    assert!(match_binary(&Binary::Bytes(vec![1, 2]), &[1]).is_err());
    assert!(match_binary(&Binary::Bytes(Vec::new()), &[]).is_ok());
    assert!(match_binary(&Binary::Bytes(Vec::new()), &[0]).is_err());
    assert!(match_binary(&Binary::Any, &[9]).is_ok());
    assert!(
        match_binary(
            &Binary::Repeat {
                count: 3,
                bytes: vec![1, 2]
            },
            &[1, 2, 1, 2, 1, 2]
        )
        .is_ok()
    );
    assert!(
        match_binary(
            &Binary::Repeat {
                count: 3,
                bytes: vec![1, 2]
            },
            &[1, 2, 1, 2]
        )
        .is_err()
    );
}
