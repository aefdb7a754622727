//! Broken servers are caught: the reference, started with each deliberate fault, fails a case of the rule that it breaks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use assert_cmd::Command;

/// Broken servers, and a case that is named for what they break.
const CAUGHT_BY: [(&str, &str); 14] = [
    (
        "ws-accepts-bad-eio",
        "server/websocket/handshake-without-version-or-transport-is-refused",
    ),
    (
        "ignores-disconnect",
        "server/event/event-after-leaving-is-not-delivered",
    ),
    (
        "ignores-malformed",
        "server/connect/first-message-must-be-a-packet",
    ),
    (
        "no-connect-timeout",
        "server/connect/silent-client-is-disconnected",
    ),
    ("same-sid", "server/connect/each-namespace-has-its-own-id"),
    ("text-during-attachments", "server/binary/text-is-no-attachment"),
    ("two-gets", "server/polling/second-get-is-refused"),
    (
        "no-separator",
        "server/payload/attachments-are-separated-while-a-get-waits",
    ),
    ("corrupts-base64", "server/binary/polling-carries-base64"),
    ("no-heartbeat-timeout", "server/heartbeat/unanswered-ping-closes"),
    (
        "wrong-ack-id",
        "server/ack/acknowledgement-carries-the-id-and-the-values",
    ),
    (
        "swaps-attachments",
        "server/binary/two-attachments-keep-their-order",
    ),
    (
        "wrong-connect-error",
        "server/connect/refusal-carries-the-message-of-the-application",
    ),
    (
        "never-upgrades",
        "server/upgrade/session-goes-on-over-the-websocket",
    ),
];

/// Faults after which only the timers of the server still close a connection.
const TIMERS_ONLY: [&str; 2] = ["closes-by-timers-only", "ignores-early-packets"];

fn siospec() -> Command {
    Command::cargo_bin("siospec").unwrap()
}

fn output(arguments: &[&str]) -> (Option<i32>, String) {
    let output = siospec().args(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn each_broken_server_fails_the_case_named_for_it() {
    let mut wrong = Vec::new();
    for (fault, case) in CAUGHT_BY {
        // Some of these rules are no more than what the reference does: with a fault that counts as well.
        let (code, text) = output(&["run", "--fault", fault, case]);
        let told = text.contains(&format!("fail: {case}")) || text.contains(&format!("lenient: {case}"));
        if code != Some(1) || !(told || text.contains(&format!("lenient {case}"))) {
            wrong.push(format!("{fault} against {case}: exit {code:?}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_same_cases_pass_without_a_fault() {
    let mut arguments = vec!["run"];
    arguments.extend(CAUGHT_BY.iter().map(|(_, case)| *case));
    let (code, text) = output(&arguments);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn every_fault_is_caught_by_a_case_of_its_own_rule() {
    let (code, text) = output(&["faults", "--jobs", "12"]);
    assert_eq!(code, Some(0), "{text}");
}

/// No close is credited to a rule when the heartbeat or the connect timer did it.
#[test]
fn a_close_by_a_timer_passes_for_no_reaction() {
    for fault in TIMERS_ONLY {
        let (code, text) = output(&["faults", fault, "--role", "server", "--every"]);
        assert_eq!(code, Some(0), "{fault}:\n{text}");
    }
}

#[test]
fn an_unknown_fault_is_a_usage_error() {
    let (code, _) = output(&["run", "--fault", "no-such-fault"]);
    assert_eq!(code, Some(2));
}
