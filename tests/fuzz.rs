//! The fuzz targets as plain tests: every seed, and every input that ever broke something (`fuzz/regressions`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::path::Path;

#[expect(unreachable_pub, reason = "it is the library of the fuzz workspace, too")]
#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use targets::{TARGETS, seeds::seeds};

/// Of whom there is one test: what panics says which input it was.
fn replay(name: &str, inputs: impl IntoIterator<Item = (String, Vec<u8>)>) -> usize {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let mut count = 0;
    for (origin, input) in inputs {
        count += 1;
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        assert!(
            outcome.is_ok(),
            "{name} breaks on {origin}: {:?}",
            input.escape_ascii().to_string()
        );
    }
    count
}

fn seeds_of(name: &str) -> Vec<(String, Vec<u8>)> {
    seeds(name)
        .into_iter()
        .enumerate()
        .map(|(index, seed)| (format!("seed {index}"), seed))
        .collect()
}

fn regressions_of(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/regressions")
        .join(name);
    let Ok(files) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = files.map(|file| file.unwrap().path());
    files
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect()
}

fn check(name: &str, at_least: usize) {
    let seeds = replay(name, seeds_of(name));
    assert!(seeds >= at_least, "only {seeds} seeds");
    replay(name, regressions_of(name));
}

#[test]
fn attachments() {
    check("attachments", 100);
}

#[test]
fn client() {
    check("client", 10);
}

#[test]
fn engine_packet() {
    check("engine_packet", 100);
}

#[test]
fn notation() {
    check("notation", 100);
}

#[test]
fn payload() {
    check("payload", 100);
}

#[test]
fn roundtrip() {
    check("roundtrip", 100);
}

#[test]
fn server() {
    check("server", 100);
}

#[test]
fn socket_decoder() {
    check("socket_decoder", 100);
}

#[test]
fn wire_reader() {
    check("wire_reader", 100);
}

#[test]
fn every_target_is_tested_and_has_a_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let programs = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut programs: Vec<String> = programs
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    // Tested where its crates are: `cargo test --manifest-path fuzz/Cargo.toml --lib`.
    programs.retain(|name| name != "socketioxide_differential");
    programs.sort();
    let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(programs, targets);
    let tests = include_str!("fuzz.rs");
    for target in targets {
        assert!(
            tests.contains(&format!("check(\"{target}\",")),
            "{target} is not replayed"
        );
    }
}

#[test]
fn regressions_belong_to_targets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        let known = TARGETS.iter().any(|target| target.name == name);
        assert!(
            known || name == "socketioxide_differential" || name == "README.md",
            "{name}"
        );
    }
}
