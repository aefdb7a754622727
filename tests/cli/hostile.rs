//! Targets that do not start, lie, flood, hang or fall over: siospec says what happened and goes on.

use crate::support::{Folder, HTTP_SERVER, http_server, json};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.case("asks", "", "> GET /x\n< 200\n");
    folder
}

/// A server over bare TCP: `talk(connection)` runs for each connection, in a thread.
fn tcp_server(talk: &str) -> String {
    format!(
        "import os, socket, threading, time
listener = socket.create_server(('127.0.0.1', int(os.environ['PORT'])), backlog=128)
HANDSHAKE = b'HTTP/1.1 200 OK\\r\\nContent-Length: 78\\r\\n\\r\\n0{{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":100}}'
def talk(connection):
    try:
        request = connection.recv(65536)
        if request.startswith(b'GET /socket.io/') and b'websocket' not in request:
            connection.sendall(HANDSHAKE)
            return
{talk}
    except OSError: pass
    finally: connection.close()
while True: threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()
"
    )
}

#[test]
fn a_target_that_does_not_start_is_shown_with_its_last_words() {
    let folder = folder();
    let target = folder.python_target(
        "early",
        "import sys\nprint('the database is away')\nsys.exit(9)\n",
    );
    folder
        .run(&[&target])
        .expect(3)
        .says("exit status: 9")
        .says("  | the database is away");
    let manifest = "name = \"x\"\ninstall = [\"true\"]\n[server]\ncommand = [\"./no-such-program\"]\n";
    folder.write("wrong/target.toml", manifest);
    folder
        .run(&[&folder.arg("wrong")])
        .expect(3)
        .says("./no-such-program")
        .says("siospec install");
    folder
        .run(&["--", "no-such-program-at-all"])
        .expect(3)
        .says("no-such-program-at-all");
}

#[test]
fn a_target_that_never_answers_says_what_was_seen_last() {
    let folder = folder();
    let silent = server_without_handshake("        time.sleep(600)");
    folder.python_target("silent", &silent);
    ends_with(&folder, "silent", "no HTTP answer came");
    let target = folder.python_target("deaf", "import time\ntime.sleep(600)\n");
    folder
        .run(&[&target, "--start-timeout", "1s"])
        .expect(3)
        .says("within 1 s: nobody accepts connections");
    let garbage = server_without_handshake("        connection.sendall(b'SSH-2.0-OpenSSH\\r\\n')");
    folder.python_target("garbage", &garbage);
    ends_with(&folder, "garbage", "the answer is not HTTP");
}

/// A server over bare TCP that treats handshakes as anything else.
fn server_without_handshake(talk: &str) -> String {
    tcp_server(talk).replace("b'GET /socket.io/'", "b'nothing'")
}

/// A run of this target ends before it begins, and says so once the target had the time to be asked.
fn ends_with(folder: &Folder, target: &str, words: &str) {
    let run = |seconds: u32| {
        let timeout = format!("{seconds}s");
        folder
            .run(&[&folder.arg(target), "--start-timeout", &timeout])
            .expect(3)
    };
    let said = [1, 4, 16]
        .into_iter()
        .any(|seconds| run(seconds).all().contains(words));
    if !said {
        run(64).says(words);
    }
}

#[test]
fn a_target_that_ends_over_everything_is_given_up() {
    let folder = many_cases(60);
    let server = tcp_server("        os._exit(6)");
    let target = folder.python_target("ending", &server);
    let totals = given_up(&folder, &target, 10);
    // The probes may have ended it for the first time.
    let crashed = totals["crashed"].as_u64().unwrap();
    assert!((9..=10).contains(&crashed), "{totals}");
    assert_eq!(totals["blocked"], 60 - crashed);
}

/// Cases of which none is met by a server that only knows handshakes.
fn many_cases(count: usize) -> Folder {
    let folder = Folder::new();
    for n in 0..count {
        folder.case(&format!("asks{n}"), "", "> GET /x\n< 200\n");
    }
    folder
}

/// The totals of a run that was given up after so many losses.
fn given_up(folder: &Folder, target: &str, losses: u32) -> serde_json::Value {
    let report = folder.arg("r.json");
    folder
        .run(&[target, "--jobs", "1", "--report-json", &report])
        .expect(1)
        .says(&format!("lost {losses} times in a row while no trial passed"))
        .says(&format!(
            "with what was said: siospec run --verbose {target} asks0 --cases "
        ))
        .says("since this trial");
    json(&folder.path("r.json"))["totals"].clone()
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_somebody_else_answers_on_is_not_tested() {
    let folder = folder();
    let impostor = http_server("    self.answer(200, HANDSHAKE)").replace(
        "\nserve()\n",
        "\nserver, parent = Server((\"127.0.0.1\", int(os.environ[\"PORT\"])), Handler), os.getppid()
server.timeout = 0.05
while os.getppid() == parent: server.handle_request()\n",
    );
    folder.write("target/impostor.py", &impostor);
    let launcher =
        "import subprocess, sys\nsubprocess.run([sys.executable, 'impostor.py'], start_new_session=True)\n";
    let target = folder.python_target("target", launcher);
    folder.run(&[&target]).expect(3).says("does not belong to");
    let elsewhere = http_server("    self.answer(200)").replace("int(os.environ[\"PORT\"])", "0");
    let target = folder.python_target("elsewhere", &elsewhere);
    folder
        .run(&[&target, "--start-timeout", "2s"])
        .expect(3)
        .says("does it read PORT?");
}

#[test]
fn a_web_server_is_no_socket_io_server() {
    let folder = folder();
    let target = folder.python_target(
        "web",
        &http_server("    self.answer(404, b'<h1>Not Found', 'text/html; charset=utf-8')"),
    );
    folder
        .run(&[&target])
        .expect(3)
        .says("web page")
        .says("<h1>Not Found")
        .says("is the path right?");
    let target = folder.python_target(
        "elsewhere",
        &http_server("    self.answer(404, b'{}', 'application/json')"),
    );
    folder
        .run(&[&target])
        .expect(3)
        .says("answers that there is nothing (status 404, application/json: `{}`)")
        .says("is the path right?");
    folder
        .run(&["http://127.0.0.1:9"])
        .expect(3)
        .says("does not answer");
}

#[test]
fn a_target_that_closes_at_once_fails_its_cases_and_nothing_else() {
    let folder = folder();
    folder.case("session", "over: polling\n", "> 40\n< 40{\"sid\":<string>}\n");
    let target = folder.python_target("closing", &tcp_server("        pass"));
    folder
        .run(&[&target])
        .expect(1)
        .says("fail: asks (wire)")
        .never_says("panicked");
}

#[test]
fn endless_answers_and_floods_of_frames_are_cut_off() {
    let folder = folder();
    folder.case(
        "frames",
        "",
        "ws> WS ?EIO=4&transport=websocket\nws< 101\nws< nothing\n",
    );
    folder.case("head", "", "> GET /head\n< 200\n");
    let flood = tcp_server(
        "        if b'websocket' in request:
            connection.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n')
            while True: connection.sendall(b'\\x81\\x05hello' * 1000)
        if b'/head' in request:
            connection.sendall(b'HTTP/1.1 200 OK\\r\\n')
            while True: connection.sendall(b'X-Filler: ' + b'a' * 10000 + b'\\r\\n')
        connection.sendall(b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
        while True: connection.sendall(b'400\\r\\n' + b'a' * 1024 + b'\\r\\n')",
    );
    let target = folder.python_target("flood", &flood);
    let report = folder.arg("r.json");
    let ended = folder
        .run(&[&target, "--report-json", &report, "--timeout", "20s"])
        .expect(1)
        .never_says("panicked");
    let result = json(&folder.path("r.json"));
    let verdicts: Vec<_> = result["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["verdict"].clone())
        .collect();
    assert_eq!(verdicts.len(), 3, "{}", ended.all());
    assert!(verdicts.iter().all(|verdict| verdict != "pass"), "{verdicts:?}");
    ended.says("bytes and no end: the limit of 33554432 bytes for what a case may receive is reached");
    let asks = &result["cases"][0];
    assert_eq!((&asks["id"], &asks["verdict"]), (&"asks".into(), &"fail".into()));
    for case in result["cases"].as_array().unwrap() {
        let kept = case["record"]["entries"].as_array().unwrap().len();
        assert!(kept < 2_000, "{} keeps {kept} entries", case["id"]);
        assert!(
            case["transcript"].as_array().unwrap().len() < 2_000,
            "{}",
            case["id"]
        );
    }
}

#[test]
fn who_ends_or_hangs_the_target_is_named_and_the_rest_is_played() {
    let folder = folder();
    folder.case("kills", "", "> GET /kill\n< 200\n");
    folder.case("hangs", "hazard: it may hang\n", "> GET /hang\n< 200\n");
    let server = format!(
        "{HTTP_SERVER}
stuck = threading.Event()
def answer(self, path):
    if stuck.is_set(): time.sleep(600)
    if path == '/kill': os._exit(6)
    if path == '/hang':
        stuck.set()
        time.sleep(600)
    self.answer(200, HANDSHAKE)
serve()
"
    );
    let target = folder.python_target("fragile", &server);
    let report = folder.arg("r.json");
    folder
        .run(&[&target, "--report-json", &report])
        .expect(1)
        .says("crashed: kills (wire)")
        .says("exit status: 6")
        .says("hung: hangs (wire)")
        .says("1 trial ended the target")
        .says("1 trial left the target without an answer");
    assert_eq!(json(&folder.path("r.json"))["totals"]["pass"], 1);
}

#[test]
fn a_target_that_eats_memory_is_ended_and_named() {
    let folder = folder();
    folder.case(
        "hungry",
        "hazard: it eats memory\n",
        "> GET /eat\n< 200\n! wait 5s\n",
    );
    let server = http_server(
        "    if path == '/eat':
        global hoard
        hoard = b'x' * (300 << 20)
    self.answer(200, HANDSHAKE)",
    );
    let target = folder.python_target("hungry", &server);
    folder
        .run(&[&target, "--max-memory", "128"])
        .expect(1)
        .says("crashed: hungry")
        .says("more than the 128 MiB");
}
