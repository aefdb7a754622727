//! What docs/server-app.md promises is kept: the test application of a server is less than 120 lines of code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The lines of code that the document says are enough.
const LINES: usize = 120;
/// Folders of which nothing was written for the application.
const FOREIGN: [&str; 3] = ["target", "node_modules", ".venv"];

#[test]
fn each_server_application_is_less_than_120_lines_of_code() {
    let promise = format!("less than {LINES} lines of code");
    assert!(read("docs/server-app.md".as_ref()).contains(&promise));
    let mut sizes = Vec::new();
    for entry in fs::read_dir(at("targets".as_ref())).unwrap() {
        let folder = entry.unwrap().path();
        let manifest = folder.join("target.toml");
        if manifest.exists() && read(&manifest).contains("\n[server]\n") {
            sizes.push((application(&folder).iter().map(|file| lines(file)).sum(), folder));
        }
    }
    assert!(sizes.len() >= 5, "only {sizes:?}");
    for (size, folder) in sizes {
        assert!((40..LINES).contains(&size), "{}: {size} lines", folder.display());
    }
}

#[test]
fn a_line_of_code_is_neither_empty_nor_a_comment() {
    let folder = tempfile::tempdir().unwrap();
    let counts = [
        ("a.mjs", "// one\n\nlet a;\n  // two\nlet b; // three\n", 2),
        ("a.rs", "//! one\n/// two\n#[derive(Debug)]\nstruct A;\n", 2),
        (
            "a.py",
            "\"\"\"One.\n\ntwo\n\"\"\"\n# three\ndef f():\n    \"\"\"Four.\"\"\"\n    return 1\n",
            2,
        ),
    ];
    for (name, text, expected) in counts {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        assert_eq!(lines(&file), expected, "{name}");
    }
}

/// The sources of an application: those of its folder, and the modules that these take from a folder beside it.
fn application(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    sources(folder, &mut found);
    let manifest = read(&folder.join("target.toml"));
    let shared = manifest
        .split("PYTHONPATH = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    if let Some(shared) = shared {
        let mut waiting: Vec<PathBuf> = found.iter().cloned().collect();
        while let Some(file) = waiting.pop() {
            for line in read(&file).lines() {
                let module = line.split_whitespace().nth(1).unwrap_or_default();
                let module = folder.join(shared).join(format!("{module}.py"));
                let imports = line.starts_with("from ") || line.starts_with("import ");
                if imports && module.exists() && found.insert(module.clone()) {
                    waiting.push(module);
                }
            }
        }
    }
    found
}

fn sources(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !FOREIGN.contains(&name.as_ref()) {
            sources(&path, found);
        } else if ["rs", "mjs", "cjs", "js", "ts", "py"].contains(&extension(&path)) {
            found.insert(path);
        }
    }
}

/// How many lines of a source are neither empty nor a comment nor of a docstring.
fn lines(file: &Path) -> usize {
    let python = extension(file) == "py";
    let comment = if python { "#" } else { "//" };
    let (mut code, mut docstring) = (0, false);
    for line in read(file).lines().map(str::trim) {
        if python && (docstring || line.starts_with("\"\"\"")) {
            docstring ^= line.matches("\"\"\"").count() % 2 == 1;
            continue;
        }
        code += usize::from(!line.is_empty() && !line.starts_with(comment));
    }
    code
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|end| end.to_str()).unwrap_or_default()
}

fn at(path: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    let path = at(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
