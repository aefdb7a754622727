//! Report files: what stands in them, and what happens where they cannot be written.

use crate::support::{Folder, http_server, json};
use std::fs;

#[test]
fn the_result_says_what_was_tested_and_what_came_out() {
    let folder = Folder::new();
    folder.pass_and_fail();
    let (json_path, xml_path) = (folder.arg("r.json"), folder.arg("r.xml"));
    folder
        .run(&["--report-json", &json_path, "--report-junit", &xml_path])
        .expect(1);
    let result = json(&folder.path("r.json"));
    assert_eq!(result["schema_version"], 1);
    assert_eq!(result["role"], "server");
    assert_eq!(result["target"]["name"], "reference");
    assert_eq!(result["gate"], "fail");
    assert_eq!(result["totals"]["pass"], 2);
    assert_eq!(result["totals"]["fail"], 2);
    assert_eq!(result["capabilities"]["echo"], true);
    let bad = result["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["id"] == "bad")
        .unwrap();
    assert_eq!(bad["failure"]["line"], 6);
    assert!(
        bad["script"]
            .as_str()
            .unwrap()
            .starts_with("title: A case of the tests")
    );
    assert!(bad["record"]["entries"].as_array().unwrap().len() > 1);
    assert!(!bad["transcript"].as_array().unwrap().is_empty());
    let xml = fs::read_to_string(folder.path("r.xml")).unwrap();
    assert!(
        xml.contains("tests=\"4\"") && xml.contains("failures=\"2\""),
        "{xml}"
    );
    assert!(xml.contains("name=\"bad (polling)\" classname=\"test\""), "{xml}");
}

#[test]
fn a_report_that_cannot_be_written_is_known_before_the_run() {
    let folder = Folder::new();
    folder.pass_and_fail();
    let target = folder.python_target("witness", "open('started', 'w').close()\n");
    for option in ["--report-json", "--report-junit"] {
        folder
            .run(&[&target, option, "/no/such/folder/r"])
            .expect(2)
            .says("/no/such/folder/r");
        folder
            .run(&[&target, option, &folder.arg("cases")])
            .expect(2)
            .says("is a folder");
    }
    assert!(!folder.path("witness/started").exists());
}

#[test]
fn a_run_that_fails_to_start_leaves_old_reports_alone() {
    let folder = Folder::new();
    folder.pass_and_fail().write("r.json", "old");
    folder
        .run(&["--report-json", &folder.arg("r.json"), "--", "false"])
        .expect(3);
    assert_eq!(fs::read_to_string(folder.path("r.json")).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.dir.path()).unwrap().count(), 2);
}

#[test]
fn what_a_target_sends_cannot_break_a_report() {
    let folder = Folder::new();
    folder.case("hostile", "", "> GET /x\n< 200\n< fine\n");
    let server = http_server(
        "    self.answer(200, HANDSHAKE if path == '/socket.io/' else b'</failure>]]><script>\\x1b[2J\\x00\\xff&\\x0c')",
    );
    let target = folder.python_target("hostile", &server);
    let (json_path, xml_path) = (folder.arg("r.json"), folder.arg("r.xml"));
    let arguments = [
        target.as_str(),
        "-v",
        "--report-json",
        &json_path,
        "--report-junit",
        &xml_path,
    ];
    folder
        .run(&arguments)
        .expect(1)
        .says("script>")
        .never_says("\u{1b}[2J");
    let xml = fs::read_to_string(folder.path("r.xml")).unwrap();
    assert!(
        !xml.contains("<script>") && !xml.contains('\u{1b}') && !xml.contains('\0'),
        "{xml}"
    );
    assert_eq!(json(&folder.path("r.json"))["cases"][0]["verdict"], "fail");
}
