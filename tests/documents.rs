//! The documents are true: their links lead somewhere, their commands are understood, their cases are cases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use siospec::cli::understands;
use siospec::notation::parse;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of which nothing is ours to check.
const FOREIGN: [&str; 6] = ["target", "node_modules", ".venv", ".git", "corpus", "artifacts"];

fn documents(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !FOREIGN.contains(&name.as_str()) {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    documents(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The blocks of one language, each with its text.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn relative_links_lead_to_files() {
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for (path, text) in all() {
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") || file.contains('<') {
                continue;
            }
            looked_at += 1;
            if !path.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(looked_at >= 10, "only {looked_at} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn commands_are_understood() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (path, text) in all() {
        for block in blocks(&text, "console") {
            for line in block.lines().filter_map(|line| line.strip_prefix("$ siospec ")) {
                let command = line
                    .split(" #")
                    .next()
                    .unwrap_or_default()
                    .split(" | ")
                    .next()
                    .unwrap_or_default();
                let command = command.split(" > ").next().unwrap_or_default();
                let words = command
                    .split_whitespace()
                    .map(|word| word.trim_matches('\'').to_owned());
                looked_at += 1;
                if let Err(error) = understands(words) {
                    wrong.push(format!("{}: siospec {line}\n{error}", path.display()));
                }
            }
        }
    }
    assert!(looked_at >= 5, "only {looked_at} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cases_in_documents_are_cases() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (path, text) in all() {
        for block in blocks(&text, "sio") {
            looked_at += 1;
            if let Err(problems) = parse(&path.display().to_string(), block) {
                wrong.extend(problems.iter().map(ToString::to_string));
            }
        }
    }
    assert!(looked_at >= 10, "only {looked_at} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
