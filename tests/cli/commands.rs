//! The commands besides `run`.

use crate::support::{Folder, run, siospec};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

fn listed(arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut all = vec!["list", "--format", "json"];
    all.extend(arguments);
    serde_json::from_str(&run(&all).expect(0).out).unwrap()
}

#[test]
fn the_corpus_is_data() {
    let cases = listed(&[]);
    assert!(cases.len() > 100, "{}", cases.len());
    for case in &cases {
        assert!(case["text"].as_str().unwrap().contains("title:"), "{case}");
        assert!(
            !case["rules"].as_array().unwrap().is_empty() && !case["area"].as_str().unwrap().is_empty(),
            "{case}"
        );
        assert!(!case["trials"].as_array().unwrap().is_empty(), "{case}");
    }
    run(&["list"]).expect(0).says(&format!("{} cases", cases.len()));
}

/// The trials of these cases, each with its transport.
fn trials(cases: &[serde_json::Value]) -> Vec<String> {
    let trials = cases.iter().flat_map(|case| case["trials"].as_array().unwrap());
    let mut named: Vec<String> = trials
        .map(|trial| format!("{} {}", trial["id"], trial["over"]))
        .collect();
    named.sort();
    named
}

#[test]
fn parts_of_the_corpus_are_disjoint_and_whole() {
    let mut parts = Vec::new();
    for part in 1..=3 {
        let selected = listed(&["--partition", &format!("hash:{part}/3")]);
        parts.append(&mut trials(&selected));
    }
    parts.sort();
    let all = trials(&listed(&[]));
    assert_eq!(parts, all);
    run(&["list"]).expect(0).says(&format!("{} trials", all.len()));
    let polling = trials(&listed(&["--over", "polling"]));
    assert!(polling.iter().all(|trial| trial.ends_with("\"polling\"")));
}

#[test]
fn cases_are_selected_by_rule_level_and_transport() {
    let all = listed(&[]);
    let rule = all[0]["rules"][0].as_str().unwrap();
    let of_rule = listed(&["--rule", rule]);
    assert!(
        of_rule
            .iter()
            .all(|case| case["rules"].as_array().unwrap().iter().any(|id| id == rule))
    );
    let levels: BTreeSet<String> = listed(&["--level", "security"])
        .iter()
        .map(|case| case["level"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(levels, BTreeSet::from(["security".to_owned()]));
    assert!(listed(&["--over", "upgraded"]).iter().all(|case| {
        case["over"]
            .as_array()
            .unwrap()
            .iter()
            .any(|over| over == "upgraded")
    }));
}

#[test]
fn a_case_is_shown_with_its_rule() {
    let case = &listed(&[])[0];
    let id = case["id"].as_str().unwrap();
    let shown = run(&["show", id]).expect(0).says(case["text"].as_str().unwrap());
    shown.says(case["rules"][0].as_str().unwrap()).says("# impact:");
    run(&["show", &format!("cases/{id}.sio")]).expect(0);
    run(&["show", "server/"]).expect(2).says("say which");
}

#[test]
fn rules_are_shown_with_their_coverage() {
    run(&["rules"])
        .expect(0)
        .says("area")
        .says("total")
        .says("informational")
        .says("covered / not coverable / all")
        .says("not coverable:\n  eio.ws.deflate-bomb (server, security): ");
    let rows: serde_json::Value =
        serde_json::from_str(&run(&["rules", "--format", "json"]).expect(0).out).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| !row["cases"].as_array().unwrap().is_empty())
    );
    let servers = run(&["rules", "--role", "server", "--format", "json"])
        .expect(0)
        .out;
    let servers: serde_json::Value = serde_json::from_str(&servers).unwrap();
    assert!(
        servers
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["role"] == "server")
    );
    let folder = Folder::new();
    let open = run(&["rules", "--cases", &folder.arg("cases")]).expect(0);
    open.says("without a case:")
        .says("test.should (server, should): The test server does what it should.");
}

#[test]
fn install_runs_the_commands_in_the_folder_of_the_target() {
    let folder = Folder::new();
    let manifest =
        |install: &str| format!("name = \"x\"\ninstall = {install}\n[server]\ncommand = [\"true\"]\n");
    folder.write(
        "x/target.toml",
        &manifest("[[\"touch\", \"one\"], [\"touch\", \"two\"]]"),
    );
    run(&["install", &folder.arg("x")]).expect(0).says("x: touch one");
    assert!(fs::exists(folder.path("x/one")).unwrap() && fs::exists(folder.path("x/two")).unwrap());
    folder.write(
        "x/target.toml",
        &manifest("[[\"false\"], [\"touch\", \"three\"]]"),
    );
    run(&["install", &folder.arg("x")])
        .expect(3)
        .says("`false` ended with");
    assert!(!fs::exists(folder.path("x/three")).unwrap());
    folder.write("x/target.toml", &manifest("[\"no-such-program-at-all\"]"));
    run(&["install", &folder.arg("x")])
        .expect(3)
        .says("cannot be run");
    run(&["install", &folder.arg("none")]).expect(2);
}

#[test]
fn the_reference_can_be_served_and_tested_by_its_url() {
    let folder = Folder::new();
    folder.pass_and_fail();
    let mut child = siospec()
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let url = first.trim().strip_prefix("listening on ").unwrap().to_owned();
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(
            b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("pingInterval"),
        "{answer}"
    );
    folder.run(&[&url, "good"]).expect(0);
    folder.case(
        "dangerous",
        "hazard: it may end the process\n",
        "> GET /\n< <int>\n",
    );
    folder
        .run(&[&url, "good", "dangerous"])
        .expect(0)
        .says("or with --hazards");
    folder
        .run(&[&url, "good", "dangerous", "--hazards"])
        .expect(0)
        .never_says("or with --hazards");
    let port = address.rsplit(':').next().unwrap();
    run(&["serve", "--port", port])
        .expect(3)
        .says("cannot be listened on");
    child.kill().unwrap();
    child.wait().unwrap();
    run(&["serve", "--variant", "no-such-variant"])
        .expect(2)
        .says("no variant");
    run(&["serve", "--fault", "no-such-fault"])
        .expect(2)
        .says("siospec faults");
}

#[test]
fn a_fault_of_the_reference_is_listed_and_can_be_started() {
    let list = run(&["faults", "--list"]).expect(0).out;
    let first = list.lines().next().unwrap();
    let name = first.split_whitespace().next().unwrap();
    let folder = Folder::new();
    folder.pass_and_fail();
    folder
        .run(&["--fault", name, "bad"])
        .expect(1)
        .says(&format!("with the fault {name}"));
    run(&["faults", "--list", "no-such-fault"]).expect(4);
}
