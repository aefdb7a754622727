//! Clients that do not connect, connect elsewhere, flood or fall over, and drivers that cannot be trusted: each ends in
//! a verdict, with what was recorded so far, and the other cases are none the worse.

use crate::support::{Folder, json};

/// A driver with a socket of its own: `act(case, url)` runs in a thread for each `connect`.
fn driver(act: &str) -> String {
    format!(
        "import base64, json, os, socket, sys, threading, time
lock = threading.Lock()
def say(value):
    with lock: print(json.dumps(value), flush=True)
def report(case, kind, **more): say({{'case': case, 'report': kind, 'nsp': '/', **more}})
def dial(url):
    host, port = url.removeprefix('http://').split(':')
    return socket.create_connection((host, int(port)))
def ask(connection, line):
    connection.sendall((line + ' HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n').encode())
def websocket(url):
    connection = dial(url)
    connection.sendall(b'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\n'
        b'Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n')
    head = b''
    while b'\\r\\n\\r\\n' not in head: head += connection.recv(1)
    return connection
def frame(connection, text):
    data = text.encode()
    connection.sendall(bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data)
def behave(case, url):
    connection = websocket(url)
    frame(connection, '40')
    buffer = b''
    while b's1' not in buffer: buffer += connection.recv(4096)
    report(case, 'connect', sid='s1')
    while b'siospec-proof' not in buffer: buffer += connection.recv(4096)
    token = buffer[buffer.rindex(b'siospec-proof') + 16:].split(b'\"')[0].decode()
    report(case, 'event', event='siospec-proof', args=[token])
    time.sleep(60)
def act(case, url):
{act}
say({{'hello': 1, 'name': 'x', 'version': '1', 'language': 'Python', 'client': ['websocket', 'polling', 'upgrade']}})
for line in sys.stdin:
    request = json.loads(line)
    what = request['do']
    if what not in ('connect', 'close'):
        if 'unknown' in globals(): unknown()
        say({{'id': request['id'], 'unsupported': what}})
        continue
    say({{'id': request['id']}})
    if what == 'connect':
        threading.Thread(target=act, args=(request['case'], request['url']), daemon=True).start()
"
    )
}

/// Two cases of a client that connects, of which the first is the one that the driver spoils.
fn folder() -> Folder {
    let folder = Folder::new();
    let script = "@> connect /\n> 40\n< 40{\"sid\":\"s1\"}\n@< connect /\n";
    folder.client_case("connects", "over: websocket\n", script);
    folder
}

fn run(folder: &Folder, act: &str, code: i32) -> serde_json::Value {
    folder.write("driver.py", &driver(act));
    let (program, report) = (folder.arg("driver.py"), folder.arg("result.json"));
    folder
        .run(&[
            "--role",
            "client",
            "--report-json",
            &report,
            "--",
            "python3",
            &program,
        ])
        .expect(code);
    json(&folder.path("result.json"))
}

/// What the record says, so far as it is text.
fn recorded(result: &serde_json::Value) -> String {
    result["cases"][0]["record"].to_string()
}

fn message(result: &serde_json::Value) -> String {
    assert_eq!(result["role"], "client");
    told(&result["cases"][0])
}

/// The verdict of a case, and why.
fn told(case: &serde_json::Value) -> String {
    let (verdict, message) = (case["verdict"].as_str(), case["message"].as_str().unwrap_or("?"));
    // On a machine that has no time for siospec nobody is accused, but it says what it would have said.
    match message.split_once(", so this cannot be told: ") {
        Some((_, message)) => format!("fail: {message}"),
        None => format!("{}: {message}", verdict.unwrap_or("?")),
    }
}

#[test]
fn a_client_that_behaves_passes() {
    let result = run(&folder(), "    behave(case, url)", 0);
    assert_eq!(message(&result), "pass: ");
    let lines = result["cases"][0]["transcript"].to_string();
    assert!(
        lines.contains("> 40") && lines.contains("@< connect /"),
        "{lines}"
    );
}

#[test]
fn the_terminal_and_every_report_say_that_it_is_a_client() {
    let folder = folder();
    folder.write("driver.py", &driver("    behave(case, url)"));
    let (program, xml) = (folder.arg("driver.py"), folder.arg("result.xml"));
    let arguments = [
        "--role",
        "client",
        "--report-junit",
        &xml,
        "--",
        "python3",
        &program,
    ];
    folder.run(&arguments).expect(0).says("as a client, 1 trial");
    let xml = std::fs::read_to_string(folder.path("result.xml")).unwrap_or_default();
    assert!(
        xml.contains("<testsuites name=\"siospec client python3\""),
        "{xml}"
    );
}

#[test]
fn a_client_that_never_connects_fails() {
    let result = run(&folder(), "    pass", 1);
    let expected = "fail: expected `40`, but came the client opened no session within 2000 ms";
    assert_eq!(message(&result), expected);
    assert!(recorded(&result).contains("connect /"), "{result}");
}

#[test]
fn a_client_that_asks_elsewhere_fails_and_the_record_says_where() {
    let result = run(
        &folder(),
        "    connection = dial(url)\n    ask(connection, 'GET /elsewhere/?EIO=4&transport=websocket')\n    time.sleep(60)",
        1,
    );
    let expected = "fail: expected `40`, but came the client opened no session within 2000 ms";
    assert_eq!(message(&result), expected);
    assert!(recorded(&result).contains("/elsewhere/"), "{result}");
}

#[test]
fn a_client_that_connects_twice_fails() {
    let act = "    pass
    connection = websocket(url)
    other = websocket(url)
    frame(connection, '40')
    buffer = b''
    while b's1' not in buffer: buffer += connection.recv(4096)
    report(case, 'connect', sid='s1')
    time.sleep(60)";
    let result = run(&folder(), act, 1);
    let expected = "fail: expected nothing more than the script asks for, but came on ~1: the request `of a handshake, for \
                    another session`";
    assert_eq!(message(&result), expected);
    assert!(recorded(&result).contains("connect /"), "{result}");
}

#[test]
fn a_client_that_floods_is_given_up() {
    let act = "    pass
    connection = websocket(url)
    while True: connection.sendall((bytes([0x81, 0x80 | 100, 0, 0, 0, 0]) + b'4' * 100) * 1000)";
    let result = run(&folder(), act, 1);
    let expected = format!("fail: expected `40`, but came `{}`", "4".repeat(100));
    assert_eq!(message(&result), expected);
    assert!(recorded(&result).contains(&"4".repeat(100)), "{result}");
}

#[test]
fn connections_that_stay_open_are_nobodys_trouble() {
    let act = "    pass
    open = [dial(url) for _ in range(300)]
    time.sleep(60)";
    let result = run(&folder(), act, 1);
    let expected = "fail: expected `40`, but came more than 256 connections at once";
    assert_eq!(message(&result), expected);
}

#[test]
fn a_driver_that_ends_is_a_crash_and_the_next_case_is_played_on_a_fresh_one() {
    let folder = folder();
    folder.client_case(
        "deadly",
        "over: websocket\nhazard: it may end\n",
        "@> connect /\n> 40\n",
    );
    let script = "    if 'deadly' in case: os._exit(7)";
    let result = run(&folder, script, 1);
    assert!(message(&result).starts_with("fail: "), "{result}");
    let deadly = told(&result["cases"][1]);
    assert!(
        deadly.starts_with("crashed: ") && deadly.contains("exit status: 7"),
        "{deadly}"
    );
}

#[test]
fn drivers_that_cannot_be_trusted_are_named() {
    for (act, told) in [
        (
            "    print('I am here', flush=True)",
            "broken: the driver wrote `I am here`, which is no answer or report: it is no JSON, ",
        ),
        (
            "    say({'case': 'nobody', 'report': 'connect', 'nsp': '/'})",
            "broken: the driver reported for the case nobody, which there never was",
        ),
        (
            "    while True: report(case, 'event', event='x', args=['y'])",
            // Where siospec keeps pace with it, time runs out before the room for its reports does; and where its other
            // thread does not get to answer, it is silent.
            "the driver reported without end for the case c|the client opened no session within 2000 ms|did not answer within 30 s",
        ),
        (
            "    sys.stdout.write('x' * 40000000)",
            "broken: the driver wrote more than 32 MiB without the end of a line",
        ),
    ] {
        let result = run(&folder(), act, 1);
        let message = message(&result);
        assert!(
            told.split('|').any(|told| message.contains(told)),
            "{act}: {message}"
        );
        // It says what had happened until then.
        assert!(recorded(&result).contains("connect /"), "{act}: {result}");
    }
}

#[test]
fn a_flood_of_events_that_ends_is_the_end_of_its_case_alone() {
    let act = "    if 'loud' not in case: behave(case, url)
    for _ in range(15000): report(case, 'event', event='x', args=['y'])
    time.sleep(60)";
    let folder = folder();
    folder.client_case("loud", "over: websocket\n", "@> connect /\n> 40\n");
    let result = run(&folder, act, 1);
    assert_eq!(message(&result), "pass: ");
    let loud = &result["cases"][1];
    let told = told(loud);
    let expected =
        "fail: expected reports that come to an end, but came the driver reported without end for the case c";
    assert!(told.starts_with(expected), "{told}");
    assert!(loud["record"].to_string().contains("connect /"), "{told}");
}

/// A client that connects late, and whose driver takes `answer` seconds for a command that it does not know.
fn late(answer: f64) -> String {
    format!("    time.sleep(2.3)\n    behave(case, url)\ndef unknown(): time.sleep({answer})")
}

#[test]
fn a_client_whose_driver_is_as_slow_is_not_late() {
    let result = run(&folder(), &late(0.0), 1);
    let expected = "fail: expected `40`, but came the client opened no session within 2000 ms";
    assert_eq!(message(&result), expected);
    let result = run(&folder(), &late(0.3), 0);
    assert_eq!(message(&result), "pass: ");
}
