//! Imports go one way: this walks the `use` lines of the sources and holds the table of who may see whom.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module of `src/` → the modules that it may import.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let pure = vec!["notation", "pattern", "transcript", "outcome"];
    let with = |more: &[&'static str]| [pure.clone(), more.to_vec()].concat();
    BTreeMap::from([
        ("notation", vec!["pattern"]),
        ("pattern", vec!["notation"]),
        ("transcript", vec!["notation", "pattern"]),
        ("outcome", vec!["transcript"]),
        ("suite", pure.clone()),
        ("wire", with(&["suite"])),
        ("target", with(&["suite", "wire"])),
        ("play", with(&["suite", "wire", "target"])),
        ("run", with(&["suite", "wire", "target", "play"])),
        ("campaign", with(&["suite", "wire", "target", "play"])),
        ("report", vec!["outcome", "transcript", "pattern"]),
        (
            "cli",
            with(&["suite", "wire", "target", "play", "run", "campaign", "report"]),
        ),
    ])
}

/// The files outside which nobody imports `reference_impl`.
const SEES_THE_REFERENCE: &[&str] = &[
    "src/target/builtin",
    "src/cli/serve",
    "src/cli/connect/",
    "src/cli/selftest",
    "src/cli/faults",
];

/// Layers of `reference-impl/src`, each with what it may import.
fn allowed_in_reference() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("codec", vec![]),
        ("engine", vec!["codec"]),
        ("socket", vec!["codec", "engine"]),
        ("faults", vec!["codec", "engine", "socket", "options"]),
        ("client", vec!["codec", "engine"]),
        ("driver", vec!["codec", "engine", "client", "io"]),
    ])
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The first path segment after `crate::` of every mention in code, tests included.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !name.is_empty() {
                found.push((number + 1, name));
            }
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn modules_import_one_way() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for file in sources(&root().join("src")) {
        let relative = file
            .strip_prefix(root().join("src"))
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let module = relative
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let Some(may) = allowed.get(module.as_str()) else {
            continue;
        };
        for (line, name) in imports(&fs::read_to_string(&file).unwrap()) {
            looked_at += 1;
            if name != module && allowed.contains_key(name.as_str()) && !may.contains(&name.as_str()) {
                wrong.push(format!("src/{relative}:{line} imports crate::{name}"));
            }
        }
    }
    assert!(looked_at > 20, "the walk found hardly any import");
    assert!(
        wrong.is_empty(),
        "imports against the table:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn only_the_built_in_target_sees_the_reference() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in sources(&root().join("src")) {
        let relative = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if fs::read_to_string(&file)
            .unwrap()
            .lines()
            .any(|l| l.split("//").next().unwrap().contains("reference_impl"))
        {
            seen += 1;
            if !SEES_THE_REFERENCE
                .iter()
                .any(|prefix| relative.starts_with(prefix))
            {
                wrong.push(relative);
            }
        }
    }
    assert!(seen > 0, "nobody imports the reference");
    assert!(wrong.is_empty(), "these import the reference: {wrong:?}");
}

#[test]
fn the_reference_imports_one_way_and_nothing_of_siospec() {
    let allowed = allowed_in_reference();
    let mut wrong = Vec::new();
    for file in sources(&root().join("reference-impl/src")) {
        let relative = file
            .strip_prefix(root().join("reference-impl/src"))
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let module = relative
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let text = fs::read_to_string(&file).unwrap();
        if text
            .lines()
            .any(|l| l.split("//").next().unwrap().contains("siospec::"))
        {
            wrong.push(format!("{relative} imports siospec"));
        }
        let Some(may) = allowed.get(module.as_str()) else {
            continue;
        };
        for (line, name) in imports(&text) {
            if name != module && !may.contains(&name.as_str()) && is_layer(&name) {
                wrong.push(format!(
                    "reference-impl/src/{relative}:{line} imports crate::{name}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the table:\n{}",
        wrong.join("\n")
    );
}

fn is_layer(name: &str) -> bool {
    ["codec", "engine", "socket", "io", "faults", "app", "client"].contains(&name)
}

#[test]
fn every_source_file_says_what_it_owns() {
    let mut silent = Vec::new();
    for dir in ["src", "reference-impl/src", "tests"] {
        for file in sources(&root().join(dir)) {
            let text = fs::read_to_string(&file).unwrap();
            if !text.lines().take(3).any(|line| line.starts_with("//!")) {
                silent.push(file.display().to_string());
            }
        }
    }
    assert!(silent.is_empty(), "files without a module text: {silent:?}");
}
