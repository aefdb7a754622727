//! Every case file parses, prints back to itself, and stands where it should.

use siospec::notation::{parse, print};
use std::fs;
use std::path::{Path, PathBuf};

fn case_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            case_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "sio") {
            found.push(path);
        }
    }
}

#[test]
fn every_case_parses_and_prints_back_to_itself() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files = Vec::new();
    case_files(&root, &mut files);
    files.sort();
    assert!(files.len() >= 150, "only {} case files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let name = file.strip_prefix(&root).unwrap().to_string_lossy();
        match parse(&name, &text) {
            Ok(case) => {
                let printed = print(&case);
                if printed != text {
                    wrong.push(format!("{name}: not in canonical form; it would be\n{printed}"));
                }
            }
            Err(diagnostics) => wrong.extend(diagnostics.iter().map(|d| d.to_string())),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} files:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}
