//! The other forms of a report, through the command: Markdown, JUnit, badges, annotations, the terminal, merging, comparing;
//! what they do with hostile texts, and what the command says of files that it cannot use.

use crate::samples::{self, Sample, hostile, kept, sample};
use assert_cmd::Command;
use siospec::outcome::{CaseResult, RunResult, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn siospec() -> Command {
    let mut command = Command::cargo_bin("siospec").unwrap();
    command.env_remove("GITHUB_ACTIONS");
    command
}

fn save(folder: &Path, name: &str, result: &RunResult) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, siospec::report::json::write(result).unwrap()).unwrap();
    path
}

fn small(target: &str, trouble: u64, seed: u64) -> RunResult {
    let mut result = sample(Sample {
        target,
        role: "server",
        trouble,
        seed,
    });
    result.cases.truncate(80);
    samples::count(&mut result);
    samples::judge(&mut result);
    result
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

/// What the command complains about, with exit code 2.
fn complaint(command: &mut Command) -> String {
    String::from_utf8(command.assert().code(2).get_output().stderr.clone()).unwrap()
}

#[test]
fn every_report_is_made_from_saved_results() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut client = small("two", 30, 2);
    client.role = "client".to_owned();
    let (one, two) = (
        save(folder.path(), "one.json", &small("one", 30, 1)),
        save(folder.path(), "two.json", &client),
    );
    fs::create_dir(at("kept")).unwrap();
    let paths = ["x.html", "x.md", "table.md", "x.xml", "badge.json", "kept"].map(at);
    let flags = ["--html", "--markdown", "--table", "--junit", "--badge", "--json"];
    let mut command = siospec();
    command.arg("report").args([&one, &two]);
    for (flag, path) in flags.iter().zip(&paths) {
        command.arg(flag).arg(path);
    }
    assert_eq!(stdout(&mut command), "");
    let text = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert!(text("x.html").starts_with("<!DOCTYPE html>"));
    assert!(text("x.md").starts_with("# siospec: 2 results"));
    assert!(text("x.md").contains("## What went wrong"));
    assert!(text("table.md").starts_with("| implementation |"));
    assert!(text("x.xml").contains("<testsuite name=\"two client: "));
    assert!(text("badge-one-server.json").contains("Socket.IO server"));
    assert!(text("badge-two-client.json").contains("Socket.IO client"));
    let again = fs::read(at("kept/one-server.json")).unwrap();
    assert_eq!(siospec::report::json::read(&again).unwrap().cases.len(), 80);
    assert!(
        !fs::read_dir(folder.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with(".part") })
    );
}

#[test]
fn without_a_report_the_results_are_shown_as_after_a_run() {
    let folder = TempDir::new().unwrap();
    let path = save(folder.path(), "one.json", &small("one", 30, 1));
    let shown = stdout(siospec().arg("report").arg(path));
    assert!(shown.starts_with("one 3.1.1"), "{shown}");
    assert!(shown.contains("the gate does not hold"), "{shown}");
}

#[test]
fn a_report_may_go_to_standard_output() {
    let folder = TempDir::new().unwrap();
    let path = save(folder.path(), "one.json", &small("one", 0, 1));
    let shown = stdout(siospec().arg("report").arg(path).args(["--markdown", "-"]));
    assert!(
        shown.starts_with("# siospec: one 3.1.1, ✅ the gate holds"),
        "{shown}"
    );
}

#[test]
fn a_summary_stays_below_a_mebibyte_with_the_worst_news_first() {
    let folder = TempDir::new().unwrap();
    let mut paths = Vec::new();
    for seed in 0..4 {
        let target = format!("target-{seed}");
        let result = sample(Sample {
            target: &target,
            role: "server",
            trouble: 100,
            seed,
        });
        paths.push(save(folder.path(), &format!("{seed}.json"), &result));
    }
    let summary = stdout(siospec().arg("report").args(paths).args(["--markdown", "-"]));
    assert!(summary.len() < 1 << 20);
    let at = |words: &str| {
        summary
            .find(words)
            .unwrap_or_else(|| panic!("{words} is not there"))
    };
    assert!(at("crashed ·") < at("hung ·") && at("hung ·") < at("fail ·"));
    assert!(at("| target-3") < at("What went wrong"));
    assert!(
        summary
            .trim_end()
            .ends_with("left out, since a summary must stay small: the JSON result has everything.")
    );
    assert_eq!(
        summary.matches("<details>").count(),
        summary.matches("</details>").count()
    );
}

#[test]
fn annotations_are_written_under_github_actions_alone() {
    let folder = TempDir::new().unwrap();
    let path = save(folder.path(), "one.json", &hostile("evil", 0));
    let mut command = siospec();
    let run = |command: &mut Command| {
        let output = command
            .arg("report")
            .arg(&path)
            .args(["--markdown", "-"])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(run(&mut command), "");
    let annotated = run(siospec().env("GITHUB_ACTIONS", "true"));
    let lines: Vec<&str> = annotated.lines().collect();
    assert_eq!(lines.len(), 10, "{annotated}");
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("::error title=") || line.starts_with("::warning title="))
    );
    assert!(
        !annotated.contains("::stop-commands") && !annotated.contains('\u{1b}'),
        "{annotated}"
    );
}

#[test]
fn hostile_texts_do_no_harm_in_any_form() {
    let kept = kept();
    let path = save(&kept, "hostile.json", &hostile("evil", 5_000_000));
    let mut other = hostile("evil", 0);
    for case in &mut other.cases {
        case.verdict = if case.verdict == Verdict::Fail {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
    }
    let other = save(&kept, "hostile-other.json", &other);
    siospec()
        .arg("report")
        .args([&path, &other])
        .arg("--markdown")
        .arg(kept.join("hostile.md"))
        .arg("--junit")
        .arg(kept.join("hostile.xml"))
        .assert()
        .success();
    let diff = kept.join("hostile-diff.md");
    siospec()
        .args(["report", "diff"])
        .args([&path, &other])
        .arg("--markdown")
        .arg(diff)
        .assert()
        .code(vec![0, 1]);
    for form in ["hostile.md", "hostile.xml", "hostile-diff.md"] {
        let text = fs::read_to_string(kept.join(form)).unwrap();
        let control = |c: char| c.is_control() && !"\n\t\r".contains(c);
        assert!(!text.contains(control), "{form}");
        assert!(text.len() < 3_000_000, "{form} has {} bytes", text.len());
    }
    let shown = stdout(siospec().args(["--color", "always", "report"]).arg(&path));
    let mut rest = shown.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        assert!(
            rest.starts_with('[') && &rest[end..=end] == "m",
            "{:?}",
            &rest[..end + 1]
        );
    }
    assert!(!shown.contains(['\0', '\u{7}', '\u{9b}', '\u{202e}']));
    assert!(
        !shown.lines().any(|line| line.trim_start().starts_with("::")),
        "a line is a command of a CI system"
    );
}

#[test]
fn a_lone_surrogate_in_a_result_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = save(folder.path(), "one.json", &small("LONE", 0, 1));
    let text = fs::read_to_string(&path).unwrap().replace("LONE", "a\\ud800b");
    fs::write(&path, text).unwrap();
    let shown = stdout(siospec().arg("report").arg(path).args(["--markdown", "-"]));
    assert!(shown.contains("a\u{fffd}b"), "{}", &shown[..200]);
}

#[test]
fn parts_are_merged_into_what_one_run_would_have_given() {
    let folder = TempDir::new().unwrap();
    let whole = small("one", 30, 1);
    let part = |k: usize| {
        let mut part = whole.clone();
        part.partition = Some(format!("hash:{}/2", k + 1));
        part.cases = whole.cases.iter().skip(k).step_by(2).cloned().collect();
        samples::count(&mut part);
        samples::judge(&mut part);
        save(folder.path(), &format!("{k}.json"), &part)
    };
    let (first, second) = (part(0), part(1));
    let merged = folder.path().join("merged.json");
    siospec()
        .args(["report", "merge"])
        .args([&second, &first])
        .arg("-o")
        .arg(&merged)
        .assert()
        .success();
    let mut read = siospec::report::json::read(&fs::read(&merged).unwrap()).unwrap();
    read.wall_ms = whole.wall_ms;
    let json = |result: &RunResult| serde_json::to_value(result).unwrap();
    assert!(
        json(&read) == json(&whole),
        "the merged result differs from the whole"
    );
    let says = complaint(
        siospec()
            .args(["report", "merge"])
            .arg(&first)
            .arg("-o")
            .arg(&merged),
    );
    assert!(says.contains("hash:2/2 is missing"), "{says}");
}

#[test]
fn a_comparison_stays_below_a_mebibyte() {
    let folder = TempDir::new().unwrap();
    let old = small("one", 0, 1);
    let mut new = old.clone();
    for case in &mut new.cases {
        let lines = (0..20).map(|n| format!("+ {n}{}\n", "€".repeat(2_000)));
        case.deviation = Some(lines.collect());
    }
    let (mut many_old, mut many_new) = (old.clone(), new.clone());
    for copy in 1..5 {
        let renamed = |cases: &[CaseResult]| -> Vec<CaseResult> {
            let rename = |case: &CaseResult| CaseResult {
                id: format!("{} {copy}", case.id),
                ..case.clone()
            };
            cases.iter().map(rename).collect()
        };
        many_old.cases.extend(renamed(&old.cases));
        many_new.cases.extend(renamed(&new.cases));
    }
    many_new.cases[0].verdict = Verdict::Fail;
    let paths = [
        save(folder.path(), "old.json", &many_old),
        save(folder.path(), "new.json", &many_new),
    ];
    let mut command = siospec();
    command
        .args(["report", "diff"])
        .args(paths)
        .args(["--markdown", "-"]);
    let text = String::from_utf8(command.assert().code(1).get_output().stdout.clone()).unwrap();
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    assert!(text.contains("## newly failing (1)"), "the worst news is there");
    assert!(text.trim_end().ends_with("the JSON result has everything."));
}

#[test]
fn runs_are_compared() {
    let folder = TempDir::new().unwrap();
    let old = small("one", 20, 1);
    let mut new = old.clone();
    let fails = new
        .cases
        .iter()
        .position(|case| case.verdict == Verdict::Pass)
        .unwrap();
    new.cases[fails].verdict = Verdict::Fail;
    let (old, new) = (
        save(folder.path(), "old.json", &old),
        save(folder.path(), "new.json", &new),
    );
    let worse = siospec()
        .args(["report", "diff"])
        .args([&old, &new])
        .assert()
        .code(1);
    let text = String::from_utf8(worse.get_output().stdout.clone()).unwrap();
    assert!(text.contains("newly failing (1)"), "{text}");
    let better = stdout(
        siospec()
            .args(["report", "diff"])
            .args([&new, &old])
            .args(["--markdown", "-"]),
    );
    assert!(better.contains("## fixed (1)"), "{better}");
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = save(folder.path(), "good.json", &small("one", 0, 1));
    let bytes = fs::read(&good).unwrap();
    fs::write(at("half.json"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(
        at("other.json"),
        String::from_utf8(bytes)
            .unwrap()
            .replacen("\"schema_version\": 1", "\"schema_version\": 2", 1),
    )
    .unwrap();
    fs::write(at("no.json"), "[]").unwrap();
    let report = |input: &str, output: &str| {
        complaint(
            siospec()
                .arg("report")
                .arg(&good)
                .arg(at(input))
                .arg("--html")
                .arg(at("x.html"))
                .arg("--junit")
                .arg(at(output)),
        )
    };
    for (input, output, says) in [
        ("half.json", "x.xml", "half a result"),
        (
            "other.json",
            "x.xml",
            "the result has the form 2, this siospec reads 1",
        ),
        ("no.json", "x.xml", "not a result of siospec"),
        ("missing.json", "x.xml", "No such file"),
        ("good.json", "no/such/folder/x.xml", "cannot be written"),
        ("good.json", "x.html", "two reports would be written"),
        ("good.json", "good.json", "would be read and written"),
    ] {
        let complaint = report(input, output);
        assert!(complaint.contains(says), "{input} {output}: {complaint}");
        assert!(!at("x.html").exists(), "{input} {output}: a report was written");
    }
    fs::create_dir(at("in")).unwrap();
    let kept = save(&at("in"), "one-server.json", &small("one", 0, 1));
    let before = fs::read(&kept).unwrap();
    for arguments in [["--json", "in"], ["--badge", "in/one-server.json"]] {
        let mut command = siospec();
        command
            .arg("report")
            .arg(&kept)
            .arg(arguments[0])
            .arg(at(arguments[1]));
        let says = complaint(&mut command);
        assert!(
            says.contains("would be read and written"),
            "{arguments:?}: {says}"
        );
        assert!(fs::read(&kept).unwrap() == before, "{arguments:?}");
    }
    fs::remove_dir_all(at("in")).unwrap();
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn what_is_withheld_is_in_no_report() {
    let folder = TempDir::new().unwrap();
    let mut result = small("one", 0, 1);
    let case = &mut result.cases[3];
    case.level = "security".to_owned();
    case.verdict = Verdict::Crashed;
    let secret = case.id.clone();
    result.gate = siospec::outcome::Gate::Fail;
    result.gate_reasons = vec![format!("{secret} is listed as a known failure, and passes")];
    let path = save(folder.path(), "one.json", &result);
    let open = stdout(siospec().arg("report").arg(&path).args(["--markdown", "-"]));
    assert!(open.contains(&secret));
    for flag in ["--markdown", "--html", "--junit", "--table"] {
        let shown = stdout(
            siospec()
                .arg("report")
                .arg(&path)
                .args(["--withhold", "security", flag, "-"]),
        );
        assert!(!shown.contains(&secret), "{flag}");
    }
}

#[test]
fn the_forms_for_the_other_tests_are_kept() {
    let kept = kept();
    let sample = save(&kept, "sample.json", &small("one", 40, 1));
    siospec()
        .arg("report")
        .arg(sample)
        .arg("--junit")
        .arg(kept.join("roles.xml"))
        .assert()
        .success();
}

#[test]
fn a_run_writes_the_same_reports() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = || {
        let mut command = siospec();
        command.args(["run", "server/connect/unknown-namespace", "--over", "websocket"]);
        command
    };
    let mut command = run();
    for form in ["json", "html", "markdown", "junit", "badge"] {
        command.arg(format!("--report-{form}")).arg(at(form));
    }
    let ended = command.output().unwrap();
    assert!(ended.status.code().is_some_and(|code| code <= 1), "{ended:?}");
    let again = |flag: &str, name: &str| {
        siospec()
            .arg("report")
            .arg(at("json"))
            .arg(flag)
            .arg(at(name))
            .assert()
            .success();
        fs::read(at(name)).unwrap()
    };
    for (form, flag) in [
        ("html", "--html"),
        ("markdown", "--markdown"),
        ("junit", "--junit"),
        ("badge", "--badge"),
    ] {
        assert!(
            fs::read(at(form)).unwrap() == again(flag, "again"),
            "{form} differs when it is made later"
        );
    }
    let ended = run().args(["--report-json", "-"]).output().unwrap();
    let read = siospec::report::json::read(&ended.stdout);
    assert_eq!(
        read.map(|result| result.cases.len())
            .map_err(|error| error.to_string()),
        Ok(2),
        "standard output is the report alone"
    );
    let says = complaint(run().arg("--report-html").arg(at("no/such/folder.html")));
    assert!(says.contains("cannot be written"), "{says}");
}
