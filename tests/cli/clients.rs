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
def act(case, url):
{act}
say({{'hello': 1, 'name': 'x', 'version': '1', 'language': 'Python', 'client': ['websocket', 'polling', 'upgrade']}})
for line in sys.stdin:
    request = json.loads(line)
    what = request['do']
    if what not in ('connect', 'close'):
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

fn message(result: &serde_json::Value) -> String {
    let case = &result["cases"][0];
    assert_eq!(result["role"], "client");
    format!(
        "{}: {}",
        case["verdict"].as_str().unwrap_or("?"),
        case["message"].as_str().unwrap_or("?")
    )
}

#[test]
fn a_client_that_behaves_passes() {
    let act = "    pass
    connection = websocket(url)
    frame(connection, '40')
    buffer = b''
    while b's1' not in buffer: buffer += connection.recv(4096)
    report(case, 'connect', sid='s1')
    while b'siospec-proof' not in buffer: buffer += connection.recv(4096)
    token = buffer[buffer.rindex(b'siospec-proof') + 16:].split(b'\"')[0].decode()
    report(case, 'event', event='siospec-proof', args=[token])
    time.sleep(60)";
    let result = run(&folder(), act, 0);
    assert_eq!(message(&result), "pass: ");
    let lines = result["cases"][0]["transcript"].to_string();
    assert!(
        lines.contains("> 40") && lines.contains("@< connect /"),
        "{lines}"
    );
}

#[test]
fn a_client_that_never_connects_fails() {
    let result = run(&folder(), "    pass", 1);
    assert!(message(&result).starts_with("fail: "), "{result}");
}

#[test]
fn a_client_that_asks_elsewhere_fails_and_the_record_says_where() {
    let result = run(
        &folder(),
        "    connection = dial(url)\n    ask(connection, 'GET /elsewhere/?EIO=4&transport=websocket')\n    time.sleep(60)",
        1,
    );
    assert!(message(&result).starts_with("fail: "), "{result}");
    assert!(
        result["cases"][0]["record"].to_string().contains("/elsewhere/"),
        "{result}"
    );
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
    assert!(message(&result).contains("another session"), "{result}");
}

#[test]
fn a_client_that_floods_is_given_up() {
    let act = "    pass
    connection = websocket(url)
    while True: connection.sendall((bytes([0x81, 0x80 | 100, 0, 0, 0, 0]) + b'4' * 100) * 1000)";
    let result = run(&folder(), act, 1);
    assert!(message(&result).starts_with("fail: "), "{result}");
}

#[test]
fn connections_that_stay_open_are_nobodys_trouble() {
    let act = "    pass
    open = [dial(url) for _ in range(300)]
    time.sleep(60)";
    let result = run(&folder(), act, 1);
    let message = message(&result);
    assert!(message.starts_with("fail: "), "{result}");
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
    let verdicts: Vec<&str> = result["cases"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|case| case["verdict"].as_str())
        .collect();
    assert_eq!(verdicts, ["fail", "crashed"], "{result}");
}

#[test]
fn drivers_that_cannot_be_trusted_are_named() {
    for (act, told) in [
        ("    print('I am here', flush=True)", "I am here"),
        (
            "    say({'case': 'nobody', 'report': 'connect', 'nsp': '/'})",
            "nobody",
        ),
        (
            "    while True: report(case, 'event', event='x', args=['y' * 1000])",
            "",
        ),
        ("    sys.stdout.write('x' * 40000000)", "32 MiB"),
    ] {
        let result = run(&folder(), act, 1);
        let message = message(&result);
        assert!(
            !message.starts_with("pass") && message.contains(told),
            "{act}: {result}"
        );
    }
}
