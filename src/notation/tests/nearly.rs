//! Random texts that are nearly right.

use proptest::collection::vec;
use proptest::prelude::*;

/// Texts in which each line is nearly right.
pub(super) fn nearly_right() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        "title: T",
        "rule: r",
        "role: client",
        "over: polling",
        "over: websocket, upgraded",
        "given: connected",
        "needs: echo",
        "each x: 1  <int>",
        "each x -> y: a -> b",
        "heartbeat: manual",
        "# c",
        "tilte: x",
        "junk",
    ]);
    let arrow = prop::sample::select(vec![
        "> ", "< ", "a> ", "a< ", "s#> ", "| ", "|= ", "! ", "@> ", "@< ", "", ">", "# ",
    ]);
    let body = prop::sample::select(vec![
        "40",
        "GET ?EIO=4",
        "POST /x",
        "WS ?a=<x>",
        "200",
        "101",
        "<int>",
        "42[\"a\",<#>]",
        "42[",
        "close",
        "close 1000",
        "nothing",
        "...",
        "alive",
        "<Buffer 01 ff>",
        "<Buffer <repeat 3 \"01\">>",
        "<Buffer",
        "<raw>x\\x0d",
        "<frame text fin=0>x",
        "<frame",
        "Origin: x",
        "X: <a:string>",
        "<a>",
        "<x>",
        "cut",
        "wait 1s",
        "upgrade",
        "{",
        "}",
        "é\u{1f600}",
        "\\x4",
        "<repeat 9 \"<\">",
        "event / {\"a\":<any>} ...",
    ]);
    let suffix = prop::sample::select(vec![
        "",
        "",
        "",
        "  x3",
        " x0",
        "  within 1s",
        "  @ 1s..2s",
        "  @ <pingInterval>+1ms",
        "  pending",
        "  within",
        " \t ",
        "  @ x",
    ]);
    let wild = (arrow, body, suffix).prop_map(|(arrow, body, suffix)| format!("{arrow}{body}{suffix}"));
    let right = prop::sample::select(vec![
        "> 40",
        "< 42[<a:int>]  x3 @ 1s",
        "a> 4  x2",
        "< close",
        "| nothing",
        "! cut",
        "# c",
        "",
        "<  2   within 1s",
    ]);
    let line = prop_oneof![1 => wild, 4 => right.prop_map(str::to_owned)];
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    let headers = (vec(header, 0..2), any::<bool>());
    (headers, vec(line, 0..6), end).prop_map(|((header, session), lines, end)| {
        let over = session.then_some("over: polling");
        let header: Vec<&str> = ["title: T", "rule: r"]
            .into_iter()
            .chain(over)
            .chain(header)
            .collect();
        format!("{}{end}{end}{}{end}", header.join(end), lines.join(end))
    })
}
