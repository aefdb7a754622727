//! When the gate holds, and the lists that it is judged by.

use crate::support::{Folder, http_server, json};
use std::fs;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.pass_and_fail();
    folder
}

#[test]
fn the_reference_passes_what_it_must_and_fails_what_nobody_can() {
    let folder = folder();
    folder.run(&["good"]).expect(0).says("the gate holds: 2 trials");
    folder
        .run(&[])
        .expect(1)
        .says("bad.sio:6:1")
        .says("< 40{\"sid\":\"always this\"}")
        .says("test.must (must): The test server does what it must.")
        .says("= impact: Nothing works.")
        .says("2 trials failed")
        .never_says("\u{1b}[");
}

#[test]
fn the_replay_command_plays_that_trial_alone() {
    let folder = folder();
    folder.case("each", "each name: a-b  it's\n", "> GET /<name>\n< 299\n");
    let report = folder.arg("result.json");
    folder.run(&["--report-json", &report]).expect(1);
    let cases = json(&folder.path("result.json"))["cases"]
        .as_array()
        .unwrap()
        .clone();
    let failed: Vec<_> = cases.iter().filter(|case| case["verdict"] == "fail").collect();
    assert!(failed.len() >= 4, "{cases:#?}");
    for case in failed {
        // The shell undoes the quoting that the report did for it.
        let line = case["replay"]
            .as_str()
            .unwrap()
            .replacen("siospec", env!("CARGO_BIN_EXE_siospec"), 1);
        let replay = folder.arg("replay.json");
        let line = format!("{line} --report-json '{replay}' -q");
        let status = std::process::Command::new("sh")
            .args(["-c", &line])
            .output()
            .unwrap()
            .status;
        assert_eq!(status.code(), Some(1), "{line}");
        let again = json(&folder.path("replay.json"));
        assert_eq!(again["cases"].as_array().unwrap().len(), 1, "{line}");
        assert_eq!(again["cases"][0]["id"], case["id"]);
        assert_eq!(again["cases"][0]["over"], case["over"]);
    }
}

#[test]
fn a_rule_that_does_not_bind_makes_a_trial_lenient() {
    let folder = Folder::new();
    folder.case_of("test.should", "lenient", "", "> GET /\n< 299\n");
    folder.case(
        "tolerated",
        "",
        "> GET /?EIO=4\n< 299\n# some servers do\n| <int>\n",
    );
    folder
        .run(&[])
        .expect(0)
        .says("lenient lenient (wire)")
        .says("lenient tolerated (wire)");
    folder
        .run(&["--strict"])
        .expect(1)
        .says("2 trials are lenient (--strict)");
}

#[test]
fn skips_count_only_where_they_are_told_to() {
    let folder = Folder::new();
    folder
        .case("plain", "", "> GET /\n< 200\n")
        .case("needy", "needs: rooms\n", "> GET /\n< 200\n")
        .case("misspelt", "needs: roms\n", "> GET /\n< 200\n");
    let target = folder.python_target("small", &http_server("    self.answer(200, HANDSHAKE)"));
    folder
        .run(&[&target])
        .expect(0)
        .says("needs rooms")
        .says("needs roms (docs/server-app.md has no `roms`; did you mean `rooms`?)");
    folder
        .run(&[&target, "--no-skips"])
        .expect(1)
        .says("2 trials were skipped (--no-skips)");
    folder.run(&[&target, "needy"]).expect(1).says("no case ran");
}

#[test]
fn a_misspelt_variant_is_shown_to_who_needs_it() {
    let folder = Folder::new();
    folder
        .case("plain", "", "> GET /\n< 200\n")
        .case("cookie", "variant: cookie\n", "> GET /\n< 200\n");
    let target = folder.python_target("small", &http_server("    self.answer(200, HANDSHAKE)"));
    let manifest = "name = \"small\"\n[server]\ncommand = [\"python3\", \"server.py\"]\n[variants.cookies]\n";
    folder.write("small/target.toml", manifest);
    folder
        .run(&[&target])
        .expect(0)
        .says("the target has no variant cookie; its manifest has `cookies`");
}

/// A server whose `ack` is late every time, and whose `echo` is too late the first time.
const LATE: &str = r#"
import http.server, itertools, os, queue, re, threading
numbers, queues, asked = itertools.count(), {}, set()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        sid = re.search("sid=([0-9]+)", self.path)
        if "polling" not in self.path: self.answer(400, "")
        elif sid: self.answer(200, queues[sid[1]].get())
        else:
            sid = str(next(numbers))
            queues[sid] = queue.Queue()
            self.answer(200, '0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}' % sid)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sid = re.search("sid=([0-9]+)", self.path)[1]
        send = lambda text, after=0: threading.Timer(after, queues[sid].put, [text]).start()
        if body.startswith("40"): send('40{"sid":"s%s"}' % sid)
        elif body.startswith("421"): send('431["probe"]', 0.5)
        elif body.startswith('42["message"'):
            send(body.replace("message", "message-back", 1), 1.5 if body not in asked and "probe" in body else 0)
            asked.add(body)
        elif body == "1": send("6")
        self.answer(200, "ok")
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[test]
fn a_handler_that_answers_late_once_is_not_lacking() {
    let folder = Folder::new();
    let header = "needs: echo\nover: polling\ngiven: connected\n";
    folder.case(
        "plain",
        header,
        "> 42[\"message\",\"probe\"]\n< 42[\"message-back\",\"probe\"]\n",
    );
    let target = folder.python_target("late", LATE);
    folder
        .run(&[&target])
        .says("offers: ack echo polling")
        .says("1 trial");
}

#[test]
fn waits_that_are_too_long_are_skipped_by_name() {
    let folder = folder();
    folder.case("patient", "", "> GET /\n< <int>\n! wait 3s\n");
    folder
        .run(&["good", "patient", "--max-wait", "1s"])
        .expect(0)
        .says("waits longer than --max-wait 1.0s");
}

#[test]
fn known_failures_are_known_only_as_they_are_listed() {
    let folder = folder();
    let known = |case: &str, fails: &str| {
        format!("[[known]]\ncase = \"{case}\"\nfails = '{fails}'\nwhy = \"ids differ\"\n")
    };
    let list = folder.arg("known.toml");
    folder.write("known.toml", &known("ba*", "always this"));
    folder.run(&["--known", &list]).expect(0).says("known");
    folder.write("known.toml", &known("bad", "status 500"));
    folder
        .run(&["--known", &list])
        .expect(1)
        .says("listed as failing with `status 500`, but now:");
    folder.write("known.toml", &(known("bad", "always this") + &known("good", "x")));
    folder
        .run(&["--known", &list])
        .expect(1)
        .says("good over polling is listed as a known failure, and passes");
    folder.write("known.toml", &known("bad", " "));
    folder.run(&["--known", &list]).expect(2).says("known.toml:3:");
    folder
        .run(&["--known", "/no/such/file"])
        .expect(2)
        .says("/no/such/file");
}

#[test]
fn a_baseline_makes_the_gate_hold() {
    let folder = folder();
    folder.case("each", "each name: a  b\n", "> GET /<name>\n< 299\n");
    folder.case(
        "half",
        "over: websocket, polling\n",
        "> 40\n< 40{\"sid\":<string>}\n",
    );
    let (cases, list) = (folder.arg("cases"), folder.arg("known.toml"));
    let write = ["baseline", "write", "--output", &list, "--cases", &cases];
    crate::support::run(&write)
        .expect(0)
        .says("2 known failures are written");
    let text = fs::read_to_string(folder.path("known.toml")).unwrap();
    assert!(
        text.contains("case = \"bad\"") && text.contains("case = \"each\""),
        "{text}"
    );
    folder.run(&["--known", &list]).expect(0);

    // What somebody wrote into the list stays when it is written anew.
    let written = text
        .replacen("when this list was written", "because of a bug", 1)
        .replacen("link = \"\"", "link = \"https://bugs.example/1\"", 1);
    folder.write("known.toml", &written);
    crate::support::run(&write).expect(0);
    assert_eq!(fs::read_to_string(folder.path("known.toml")).unwrap(), written);
    folder.write("target.toml", "name = \"no list\"\n");
    let no_list = folder.arg("target.toml");
    crate::support::run(&["baseline", "write", "-o", &no_list, "--cases", &cases])
        .expect(2)
        .says("target.toml:1:");
    folder.case(
        "bad",
        "over: websocket, polling\n",
        "> 40\n< 40{\"sid\":<string>}\n",
    );
    folder
        .run(&["--known", &list])
        .expect(1)
        .says("take `bad` off the list");
}

#[test]
fn known_failures_of_a_manifest_apply_too() {
    let folder = Folder::new();
    folder.case("teapot", "", "> GET /tea\n< 200\n");
    let server = http_server("    self.answer(418 if path == '/tea' else 200, HANDSHAKE)");
    let target = folder.python_target("teapot", &server);
    folder.run(&[&target]).expect(1).says("418");
    // It has no version, which leaves no gap.
    folder
        .run(&[&target, "--report-markdown", "-"])
        .expect(1)
        .says("# siospec: teapot, ")
        .says("| teapot | server |");
    let manifest = fs::read_to_string(folder.path("teapot/target.toml")).unwrap();
    let known = "[[known]]\ncase = \"teapot\"\nover = \"wire\"\nfails = \"418\"\nwhy = \"it is one\"\n";
    folder.write("teapot/target.toml", &(manifest + known));
    folder.run(&[&target]).expect(0).says("known");
}
