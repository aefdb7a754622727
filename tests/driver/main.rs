//! Drivers from outside: what `siospec driver check` finds, and the form of all that is written and read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]
#![cfg(unix)]

mod schema;
mod validate;

use std::path::Path;
use std::process::{Command, Output};

/// The small driver, asked to make a mistake.
fn check(wrong: &str, log: Option<&Path>) -> (i32, String) {
    let mut command = siospec();
    command.args(["driver", "check", "--timeout"]);
    // A mistake that is a silence costs all of the time; without one it must suffice on a slow machine.
    command.arg(if wrong.is_empty() { "30s" } else { "3s" });
    command.args(["--", "python3", "tests/driver/small.py"]);
    command.env("WRONG", wrong);
    if let Some(log) = log {
        command.env("LOG", log);
    }
    ended(&mut command)
}

fn siospec() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_siospec"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn ended(command: &mut Command) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.code().unwrap(), text)
}

#[test]
fn a_good_driver_is_found_good() {
    let (code, text) = check("", None);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("16 ok, 0 not ok, 4 skipped"), "{text}");
    assert!(
        text.contains("skipped connects over polling and upgrades: `client` has no websocket, upgrade"),
        "{text}"
    );
}

#[test]
fn the_example_on_the_kit_is_a_good_driver() {
    let readme = include_str!("../../targets/README.md");
    let (_, example) = readme.split_once("```python\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let mut command = siospec();
    command.args([
        "driver",
        "check",
        "--timeout",
        "30s",
        "--",
        "python3",
        "-c",
        example,
    ]);
    command.env("PYTHONPATH", "tests/driver");
    let (code, text) = ended(&mut command);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("13 ok, 0 not ok, 7 skipped"), "{text}");
}

/// A mistake, the step that must find it, and what that must say.
const MISTAKES: [(&str, &str, &str); 12] = [
    ("nameless", "introduces itself", "the hello has no version"),
    ("knows all", "introduces itself", "nobody knows the command"),
    ("prints", "connects over polling", "the driver wrote `connecting`"),
    ("options", "owns up to an option", "but came {\"id\":…}"),
    ("bytes", "emits and reports bytes", "[[0,1,2,255]]"),
    (
        "names",
        "reports an acknowledgement under the name",
        "\"ack\":\"some\"",
    ),
    ("dies", "answers an event", "| no such thing"),
    ("floods", "answers an event", "reported without end for the case"),
    ("one namespace", "keeps the namespaces", "\"nsp\":\"/custom\""),
    ("wrapped", "reports a refused namespace", "Not authorized"),
    (
        "talks on",
        "reports nothing after `close`",
        "expected no further report",
    ),
    ("stays", "`close` ends a connection", "still open"),
];

#[test]
fn each_mistake_is_found_where_it_is_made() {
    std::thread::scope(|scope| {
        for (wrong, step, what) in MISTAKES {
            scope.spawn(move || {
                let (code, text) = check(wrong, None);
                assert_eq!(code, 1, "{wrong}: {text}");
                let found = text.split_once(&format!("not ok  {step}"));
                let (_, found) = found.unwrap_or_else(|| panic!("{wrong}: {text}"));
                assert!(found.contains(what), "{wrong}: {text}");
                assert!(found.contains("to do: "), "{wrong}: {text}");
            });
        }
    });
}

#[test]
fn a_driver_that_floods_for_ever_is_started_again_for_the_next_step() {
    let (code, text) = check("floods", None);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("15 ok, 1 not ok, 4 skipped"), "{text}");
}

#[test]
fn the_driver_of_a_codec_is_looked_at_too() {
    let driver = r#"
import json, sys
def say(value): print(json.dumps(value), flush=True)
say({"hello": 1, "name": "x", "version": "1", "language": "Python", "codecs": ["engine-packet", "base64"]})
TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]
def decode(frame):
    if not frame[0] in "0123456": return {"error": "no"}
    return {"packet": {"type": TYPES[int(frame[0])], "data": frame[1:]}}
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "decode": results = [[decode(f) for f in i] for i in request["inputs"]]
    elif request["do"] == "encode": results = [[{"frames": [str(TYPES.index(i["type"])) + i["data"]]}] for i in request["inputs"]]
    else: say({"id": request["id"], "unsupported": "?"}); continue
    say({"id": request["id"], "results": results})
"#;
    let (code, text) = ended(siospec().args(["driver", "check", "--", "python3", "-c", driver]));
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("ok      decodes and encodes as engine-packet"),
        "{text}"
    );
    assert!(text.contains("not ok  decodes and encodes as base64"), "{text}");
    let worse = driver.replace("return {\"error\": \"no\"}", "return {\"packet\": {}}");
    let (_, text) = ended(siospec().args(["driver", "check", "--", "python3", "-c", &worse]));
    assert!(
        text.contains("not ok  decodes and encodes as engine-packet"),
        "{text}"
    );
}

#[test]
fn what_is_no_driver_has_an_exit_code_of_its_own() {
    let (code, text) = ended(siospec().args(["driver", "check", "--", "./no-such-program"]));
    assert_eq!(code, 3, "{text}");
    let (code, text) = ended(siospec().args(["driver", "check", "--", "false"]));
    assert_eq!(code, 3, "{text}");
    let (code, text) = ended(siospec().args(["driver", "check"]));
    assert_eq!(code, 2, "{text}");
    let (code, text) = ended(siospec().args(["driver", "check", "targets/socket.io"]));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("neither [client] nor [codec]"), "{text}");
}
