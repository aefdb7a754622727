//! `siospec connect` against `siospec serve`, in pipes.

use crate::support::{Ended, ended, run, siospec};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

/// A served reference. Dropping it ends it.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn new(variant: &str) -> Self {
        let mut child = siospec()
            .args(["serve", "--port", "0", "--variant", variant])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let url = url.strip_suffix("/socket.io/").unwrap().to_owned();
        Self { child, url }
    }

    /// Runs `siospec connect` with these further words and this input.
    fn connect(&self, path: &str, words: &[&str], input: &str) -> Ended {
        let mut child = siospec()
            .args(["connect", &format!("{}{path}", self.url)])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        ended(&child.wait_with_output().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_conversation_in_a_pipe() {
    let served = Served::new("");
    let input = "emit message 1 \"two\" {\"b\":{\"$binary\":\"AQI=\"}}\n\nack message-with-ack [3]\nhelp\n";
    for transport in [
        &[][..],
        &["--transport", "polling"],
        &["--transport", "websocket"],
    ] {
        let ended = served.connect("", transport, input).expect(0);
        let lines: Vec<_> = ended.out.lines().collect();
        assert!(
            lines.iter().any(|line| line.starts_with("@< connect / \"")),
            "{}",
            ended.all()
        );
        for line in [
            "@< event / \"auth\" {}",
            "@< event / \"message-back\" 1 \"two\" {\"b\":{\"$binary\":\"AQI=\"}}",
            "@< ack / \"message-with-ack\" [3]",
        ] {
            assert_eq!(
                lines.iter().filter(|own| **own == line).count(),
                1,
                "{line}: {}",
                ended.all()
            );
        }
    }
}

#[test]
fn namespaces_credentials_questions_and_leaving() {
    let served = Served::new("");
    served
        .connect("/custom", &["--auth", "{\"token\":\"T\"}"], "disconnect\n")
        .expect(0)
        .says("@< event /custom \"auth\" {\"token\":\"T\"}")
        .says("@< disconnect /custom \"io client disconnect\"");
    served
        .connect("", &["--nsp", "/refused"], "")
        .expect(3)
        .says("@< connect_error /refused \"Not authorized\" {\"code\":1}");
    served
        .connect("", &[], "quit\nemit never\n")
        .expect(0)
        .never_says("never");
    served
        .connect("", &["--wait", "1"], "ack nobody-answers\n")
        .expect(1)
        .says("an acknowledgement did not come");
    served
        .connect("", &[], "emit bye\n")
        .expect(1)
        .says("@< disconnect / \"io server disconnect\"");
}

#[test]
fn a_question_of_the_server_is_answered() {
    let served = Served::new("");
    let mut child = siospec()
        .args(["connect", &served.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |text: &str| {
        let found = lines.find(|line| line.as_ref().unwrap() == text);
        assert!(found.is_some(), "no line `{text}`");
    };
    input.write_all(b"emit ask \"a question\" 1\n").unwrap();
    until("@< event / \"a question\" 1");
    input.write_all(b"answer 42 null\n").unwrap();
    until("@< event / \"answer\" 42 null");
    input.write_all(b"quit\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_wrong_is_said() {
    let served = Served::new("");
    served
        .connect(
            "",
            &[],
            "emit message hello\nemit\nanswer 1\nfly\nemit connect\nemit message 1\n",
        )
        .expect(2)
        .says("`hello` is not JSON")
        .says("the name of an event is missing")
        .says("no event has come that asks")
        .says("there is no command `fly`")
        .says("`connect` is a reserved event name")
        .says("@< event / \"message-back\" 1");
    run(&["connect", "localhost:3000"]).expect(2).says("http://");
    run(&["connect", "https://127.0.0.1:1"])
        .expect(2)
        .says("only http:// and ws://");
    run(&["connect", "http://127.0.0.1:1", "--auth", "x"])
        .expect(2)
        .says("not JSON");
    run(&["connect", "http://127.0.0.1:1"])
        .expect(3)
        .says("@< connect_error / \"connect to 127.0.0.1:1: ");
    run(&["connect", "http://127.0.0.1:1", "--reconnect", "--wait", "0.3"])
        .expect(3)
        .says("the namespace was not joined in time");
}
