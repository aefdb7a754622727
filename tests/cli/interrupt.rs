//! Ctrl-C: the partial report is written, and nothing is left running.

use crate::support::{Folder, http_server, json, siospec};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WITNESS: &str =
    "open('pid', 'w').write(str(os.getpid()))\nopen('port', 'w').write(os.environ['PORT'])\n";

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn is_gone(folder: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", read("pid"))).unwrap_or_default();
    let answers = std::net::TcpStream::connect(("127.0.0.1", read("port").parse().unwrap())).is_ok();
    (stat.is_empty() || stat.contains(") Z")) && !answers
}

#[track_caller]
fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts a run with one quick trial and one that waits long, and waits until the quick one has ended.
fn started(folder: &Folder, program: &str) -> Child {
    folder.case("quick", "", "> GET /x\n< 200\n");
    folder.case("slow", "", "> GET /x\n< 200\n! wait 60s\n");
    let target = folder.python_target("target", program);
    let mut child = siospec()
        .args([
            "run",
            &target,
            "-v",
            "--max-wait",
            "2m",
            "--cases",
            &folder.arg("cases"),
        ])
        .args([
            "--report-json",
            &folder.arg("r.json"),
            "--report-junit",
            &folder.arg("r.xml"),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("pass    quick")));
    // Whoever reads must go on reading, or the writer would wait for ever.
    std::thread::spawn(move || lines.count());
    child
}

fn server(extra: &str) -> String {
    http_server("    self.answer(200, HANDSHAKE)")
        .replace("\nserve()\n", &format!("\n{WITNESS}{extra}\nserve()\n"))
}

#[test]
fn an_interrupted_run_reports_what_it_has_and_cleans_up() {
    for name in ["INT", "TERM"] {
        let folder = Folder::new();
        let mut child = started(&folder, &server(""));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(is_gone(&folder.path("target")));
        let result = json(&folder.path("r.json"));
        assert_eq!(result["interrupted"], true);
        assert_eq!(result["gate"], "fail");
        let ids: Vec<_> = result["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["id"].clone())
            .collect();
        assert_eq!(ids, ["quick"]);
        assert!(
            fs::read_to_string(folder.path("r.xml"))
                .unwrap()
                .contains("quick")
        );
    }
}

#[test]
fn a_second_interruption_ends_at_once_and_still_cleans_up() {
    let folder = Folder::new();
    let mut child = started(&folder, &server("signal.signal(signal.SIGTERM, signal.SIG_IGN)"));
    signal(&child, "INT");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    until("the target outlived siospec", || is_gone(&folder.path("target")));
}

#[test]
fn an_interruption_while_the_target_starts_cleans_up_too() {
    let folder = Folder::new();
    folder.case("quick", "", "> GET /x\n< 200\n");
    // It listens, and never answers.
    let program = format!(
        "import os, socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', int(os.environ['PORT'])))\ns.listen()\n{WITNESS}time.sleep(600)\n"
    );
    let target = folder.python_target("target", &program);
    let mut child = siospec()
        .args([
            "run",
            &target,
            "--cases",
            &folder.arg("cases"),
            "--report-json",
            &folder.arg("r.json"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the target was not started", || {
        fs::read_to_string(folder.path("target/port")).is_ok_and(|port| !port.is_empty())
    });
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    until("the target outlived siospec", || is_gone(&folder.path("target")));
    assert_eq!(json(&folder.path("r.json"))["interrupted"], true);
}

#[test]
fn a_run_of_two_roles_that_is_interrupted_in_the_first_reports_that() {
    let folder = Folder::new();
    let mut child = siospec()
        .args(["run", "--report-json", &folder.arg("r.json")])
        .args(["--report-html", &folder.arg("r.html")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("offers: ")));
    signal(&child, "INT");
    lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let result = json(&folder.path("r.json"));
    assert_eq!(
        (&result["interrupted"], &result["role"]),
        (&true.into(), &"server".into())
    );
    assert!(folder.path("r.html").exists());
}
