//! What an author is told of each kind of error.

use crate::notation::{Diagnostic, LARGEST_FILE, LONGEST_LINE, parse};
use insta::assert_snapshot;

fn told(text: &str) -> String {
    match parse("case.sio", text) {
        Ok(_) => format!("no error in\n{text}"),
        Err(found) => Diagnostic::render_all(&found, false),
    }
}

/// One script after the other under the same header: what is told of each.
fn all(header: &str, scripts: &[&str]) -> String {
    let tell = |script: &&str| told(&format!("title: T\nrule: r\n{header}\n{script}"));
    scripts
        .iter()
        .map(tell)
        .collect::<Vec<_>>()
        .join("\n\n--------\n\n")
}

fn session(scripts: &[&str]) -> String {
    all("over: websocket\n", scripts)
}

fn wire(scripts: &[&str]) -> String {
    all("", scripts)
}

#[test]
fn headers() {
    let headers = [
        "",
        "title: x",
        "titel: x\nrule: r",
        "colour: x\nrule: r\ntitle: x",
        "title:\nrule: r",
        "title: x\ntitle: y\nrule: r",
        "title: x\nrule: r s",
        "title: x\nrule: r, r",
        "title: x\nrule: r\nrole: proxy",
        "title: x\nrule: r\nrole: codec",
        "title: x\nrule: r\nover: websockets",
        "title: x\nrule: r\nover: polling, polling",
        "title: x\nrule: r\nover: polling\ngiven: /custom",
        "title: x\nrule: r\nover: polling\ngiven: connected custom",
        "title: x\nrule: r\ngiven: connected",
        "title: x\nrule: r\nover: pollin\ngiven: connected",
        "title: x\nrule: r\novr: polling\ngiven: connected",
        "title: x\nrule: r\nneeds: echo, , ack",
        "title: x\nrule: r\nvariant: a b",
        "title: x\nrule: r\nheartbeat: auto",
        "title: x\nrule: r\n> 40",
    ];
    let tell = |header: &&str| told(&format!("{header}\n\n> GET ?EIO=4\n"));
    assert_snapshot!(
        headers
            .iter()
            .map(tell)
            .collect::<Vec<_>>()
            .join("\n\n--------\n\n")
    );
}

#[test]
fn each() {
    let values = [
        "each x: 1",
        "each x: ",
        "each x -> y: 1",
        "each x: 1  1",
        "each int: 1\neach b-c: 1",
        "each x: 1\neach x -> y: 1 -> 2",
        "each x: 40  4<string>\n",
        "each x: 1  2\n\n> 4<x>\n> 4<int>",
    ];
    let tell = |each: &&str| {
        let script = if each.contains('>') && each.contains("\n\n") {
            ""
        } else {
            "\n> <y>"
        };
        let script = if *each == "each x: 40  4<string>\n" {
            "\n> <x>"
        } else {
            script
        };
        told(&format!("title: T\nrule: r\nover: polling\n{each}\n{script}\n"))
    };
    assert_snapshot!(
        values
            .iter()
            .map(tell)
            .collect::<Vec<_>>()
            .join("\n\n--------\n\n")
    );
}

#[test]
fn too_many_combinations() {
    let each = |name: &str| {
        let values: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        format!("each {name}: {}\n", values.join("  "))
    };
    let found = parse(
        "case.sio",
        &format!(
            "title: T\nrule: r\nover: polling\n{}{}\n> 4<a><b>\n",
            each("a"),
            each("b")
        ),
    );
    let messages = found
        .map(|_| Vec::new())
        .unwrap_or_else(|found| found.into_iter().map(|d| d.message).collect());
    assert_eq!(messages, ["`each` makes 10201 scripts of this"]);
}

#[test]
fn lines() {
    assert_snapshot!(session(&[
        "hello\n",
        ">40\n",
        "<Buffer 01>\n",
        "A> 40\n",
        "# only a comment\n",
        "",
        "Origin: x\n",
        "> 4\u{7}\n",
        "! jump\n! cutt\n! cut now\n! wait\n! wait soon\n! close later\n! close 70000\n",
    ]));
}

#[test]
fn suffixes() {
    assert_snapshot!(session(&[
        "> 4  x0\n> 4  x100001\n",
        "< 4  x2  x3\n< 4  within 1s  within 2s\n",
        "< 4  within soon\n< 4  @ 1s..\n< 4  @ <pingIntervall>\n",
        "< 4  @ <pingInterval> + 1s\n",
        "> 4  within 1s\n! cut  @ 1s\n",
        "> 4  pending\n",
        "< 4\n| 5  x2\n",
    ]));
}

#[test]
fn places() {
    assert_snapshot!(session(&[
        "> GET ?EIO=4\n> <raw>x\n> <frame text>x\n",
        "> close\n> nothing\n> alive\n> ...\n",
        "< ...\n< 4\n",
        "| 4\n> 4\n| 5\n",
        "< 4\n\n| 5\n",
        "< 4\n| ...\n",
        "! upgrade\n",
        "{\n< 4\n",
        "}\n",
        "{\n}\n",
        "{\n{\n< 4\n}\n",
        "{\n> 4\n! cut\n< nothing\n< 4\n}\n",
        "@> connect /\n",
        "> <Buffer ...>\n",
    ]));
}

#[test]
fn wire_scripts() {
    assert_snapshot!(wire(&[
        "< 200\n",
        "> 40\n",
        "> GET ?EIO=4\n< 0{...}\n",
        "> GET ?EIO=4\n< 200\n< ok\n< 200\n",
        "> GET /a b\n< 200\n",
        "> POST ?EIO=4\n> 4  x3\n< 200\n",
        "> POST ?EIO=4\n# a comment\n> 4\n",
        "> POST ?EIO=4\n> 4\n> <Buffer 01>\n",
        "> POST ?EIO=4\n> 4\nContent-Type: x\n",
        "ws> WS ?EIO=4\n> 4\n",
        "ws> WS ?EIO=4\nws> 4\n",
        "> GET ?EIO=4\n< 400\n| ok\n",
        "> GET ?EIO=4\n< 400\n| <raw>x\n| GET ?\n",
        "! reconnect\n",
        "ws> <frame texts>x\n",
        "ws> WS ?EIO=4\nws> <frame text rsv=8>x\nws> <frame text\nws< 101\nws< <frame text mask=none>x\n",
        "> POST ?EIO=4\n> <Buffer 0>\n",
        "> POST ?EIO=4\n> <Buffer 00\n",
        "> POST ?EIO=4\n> <Buffer <repeat 3 01>>\n",
        "> POST ?EIO=4\n> <Buffer <repeat 10000000 \"00 00 00 00 00 00 00\">>\n",
    ]));
}

#[test]
fn client_scripts() {
    assert_snapshot!(all(
        "role: client\n",
        &[
            "> GET ?EIO=4  pending\n",
            "< close\n",
            "a@> connect /\n",
            "@>\n",
            "@< event {\n",
            "@> connect / <x:int>\n",
        ]
    ));
}

#[test]
fn patterns() {
    assert_snapshot!(session(&[
        "< 42[\"a\"\n",
        "< 42[\"é\", \"a\" \"b\"]\n",
        "< 42[strin]\n",
        "< 42[<strin>]\n< 42[<nobody>]\n",
        "< 42[<x:text>]\n",
        "> 42[<int>]\n",
        "> \\xg0\n",
        "< 42[\"a\"] x\n",
        "< <repeat 20000000 \"a\">\n",
        "< 42[<sid:string>,<sid>,<pingInterval>,<host>]\n< 43<id>[]\n",
    ]));
}

#[test]
fn every_error_of_a_file_is_told() {
    assert_snapshot!(told(
        "title: T\nrul: r\nover: polling\n\n> 40 within 2s\nhello\n< 42[\n< 2\n> <nobody>\n"
    ));
}

#[test]
fn limits() {
    let too_long = format!(
        "title: T\nrule: r\nover: polling\n\n> 4{}\n",
        "a".repeat(LONGEST_LINE)
    );
    let too_big = format!("title: T\nrule: r\n\n{}", "# comment\n".repeat(LARGEST_FILE / 10));
    let too_much =
        "title: T\nrule: r\nover: polling\n\n".to_owned() + &"> <repeat 5000000 \"aaaa\">\n".repeat(4);
    let too_often = "title: T\nrule: r\nover: polling\n\n> <repeat 5000 \"aaaa\">  x100000\n".to_owned();
    let too_much_expected = "title: T\nrule: r\nover: polling\n\n".to_owned()
        + &"< <repeat 600000 \"aaaaaaaaaaaaaa\">\n".repeat(2);
    let found: Vec<String> = [too_long, too_big, too_much, too_often, too_much_expected]
        .iter()
        .map(|text| told(text))
        .collect();
    assert_snapshot!(found.join("\n\n--------\n\n"));
}

#[test]
fn no_more_errors_are_told_than_help() {
    let found = parse(
        "case.sio",
        &format!("title: T\nrule: r\n\n{}", "hello\n".repeat(1000)),
    );
    assert_eq!(found.map(|_| 0).map_err(|found| found.len()), Err(50));
}

#[test]
fn colours_are_asked_for() {
    let found = parse("case.sio", "titel: T\n").expect_err("it is wrong");
    assert!(found[0].render(true).contains('\u{1b}'));
    assert!(!found[0].render(false).contains('\u{1b}'));
    assert_eq!(
        found[0].to_string(),
        "case.sio:1:1: `titel` is no key of a header: did you mean `title`?"
    );
}
