//! `reports/remake`: what it publishes, and that nothing changes where a run comes to no end.
use crate::samples::{self, Sample, sample};
use assert_cmd::Command;
use siospec::outcome::Verdict;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// Plays nothing: a run gives a result that was prepared, or ends as the file `status` says. Reports are made by siospec itself.
const STAND_IN: &str = r#"#!/usr/bin/env bash
set -eu
case $1 in
  install) ;;
  run)
    [ ! -f "$2/status" ] || exit "$(cat "$2/status")"
    cp "$2/$4.json" "${@: -1}"
    exit 1 ;;
  *) exec "$REAL" "$@" ;;
esac
"#;

/// A case that is to be withheld.
const SECRET: &str = "server/robustness/what-nobody-should-know";

/// A repository with two targets, one of them in two roles.
fn repository() -> TempDir {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["reports", "targets/one", "targets/two"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    for name in ["reports/remake", "reports/README.md", "reports/disclosed"] {
        fs::copy(source.join(name), at(name)).unwrap();
    }
    fs::write(at("targets/README.md"), "no target").unwrap();
    fs::write(at("targets/one/target.toml"), "[server]\n[client]\n").unwrap();
    fs::write(at("targets/two/target.toml"), "[server]\n").unwrap();
    for (target, role, seed) in [("one", "server", 1), ("one", "client", 2), ("two", "server", 3)] {
        let mut result = sample(Sample {
            target,
            role,
            trouble: 10,
            seed,
        });
        result.cases.truncate(60);
        if (target, role) == ("two", "server") {
            result.cases[5].level = "security".to_owned();
            result.cases[5].verdict = Verdict::Hung;
            result.cases[5].id = SECRET.to_owned();
        }
        samples::count(&mut result);
        let bytes = siospec::report::json::write(&result).unwrap();
        fs::write(at(&format!("targets/{target}/{role}.json")), bytes).unwrap();
    }
    fs::write(at("stand-in"), STAND_IN).unwrap();
    fs::set_permissions(at("stand-in"), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn remake(folder: &TempDir) -> assert_cmd::assert::Assert {
    Command::new("bash")
        .arg(folder.path().join("reports/remake"))
        .env("SIOSPEC", folder.path().join("stand-in"))
        .env("REAL", assert_cmd::cargo::cargo_bin("siospec"))
        .env_remove("GITHUB_ACTIONS")
        .assert()
}

#[test]
fn everything_is_made_anew_and_what_is_withheld_is_nowhere() {
    let folder = repository();
    let at = |name: &str| folder.path().join("reports").join(name);
    fs::create_dir(at("results")).unwrap();
    fs::write(at("results/gone-server.json"), "of a target that is gone").unwrap();
    remake(&folder).success();
    let readme = fs::read_to_string(at("README.md")).unwrap();
    assert!(
        readme.contains("| one 3.1.1 | server |") || readme.contains("| one "),
        "{readme}"
    );
    assert!(
        readme.contains("## The files"),
        "what stands below the tables stays"
    );
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(at(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names("results"),
        ["one-client.json", "one-server.json", "two-server.json"]
    );
    assert_eq!(names("badges").len(), 3);
    let page = fs::read_to_string(at("matrix.html")).unwrap();
    assert!(!page.contains(SECRET), "the page names it");
    for name in ["results/one-server.json", "results/two-server.json", "README.md"] {
        assert!(
            !fs::read_to_string(at(name)).unwrap().contains(SECRET),
            "{name} names it"
        );
    }
    let before = readme;
    remake(&folder).success();
    assert!(
        fs::read_to_string(at("README.md")).unwrap() == before,
        "the second time changes nothing"
    );
}

#[test]
fn what_is_disclosed_is_published() {
    let folder = repository();
    let disclosed = format!("# cases\n{SECRET} https://example.test/advisory\n");
    fs::write(folder.path().join("reports/disclosed"), disclosed).unwrap();
    remake(&folder).success();
    let page = fs::read_to_string(folder.path().join("reports/matrix.html")).unwrap();
    assert!(page.contains(SECRET), "the page does not name it");
}

#[test]
fn a_run_without_an_end_changes_nothing() {
    let folder = repository();
    fs::write(folder.path().join("targets/two/status"), "3").unwrap();
    let before = fs::read_to_string(folder.path().join("reports/README.md")).unwrap();
    remake(&folder).code(3);
    let at = |name: &str| folder.path().join("reports").join(name);
    assert!(fs::read_to_string(at("README.md")).unwrap() == before);
    assert!(!at("results").exists() && !at("matrix.html").exists());
}
