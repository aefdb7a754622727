//! The documents are true: their links lead somewhere, their commands work, their cases are cases.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use siospec::cli::understands;
use siospec::notation::parse;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// The commands that stand in a document to be typed: those of its console blocks, without the remarks behind them.
fn typed(text: &str) -> Vec<String> {
    let lines = blocks(text, "console").into_iter().flat_map(str::lines);
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned())
        .collect()
}

/// The commands that a document only shows: in its text, and in the jobs of CI systems.
fn shown(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for language in ["yaml", "groovy"] {
        for line in blocks(text, language).into_iter().flat_map(str::lines) {
            let command = line.split_once("run: ").or_else(|| line.split_once("sh '"));
            let command = command.map(|(_, command)| command.trim_end_matches([' ', '}', '\'']));
            found.extend(
                command
                    .filter(|command| command.starts_with("siospec "))
                    .map(str::to_owned),
            );
        }
    }
    for line in text.lines() {
        let spans = line.split('`').skip(1).step_by(2);
        found.extend(
            spans
                .filter(|span| span.starts_with("siospec "))
                .map(str::to_owned),
        );
    }
    found
}

#[test]
fn commands_that_are_shown_are_understood() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (path, text) in all() {
        for command in shown(&text) {
            let plain = command.replace("${{ matrix.part }}", "1");
            let words = plain.split_whitespace().skip(1).take_while(|word| *word != ">");
            let words = words.map(|word| word.trim_matches(['\'', '"']).to_owned());
            looked_at += 1;
            // The name of a command stands for it also where it needs an argument.
            if let Err(error) = understands(words)
                && !error.contains("required arguments were not provided")
            {
                wrong.push(format!("{}: {command}\n{error}", path.display()));
            }
        }
    }
    assert!(looked_at >= 20, "only {looked_at} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands that are not tried here, by how they begin, and why.
const NOT_TRIED: [(&str, &str); 16] = [
    (
        "cargo ",
        "builds anew, and cargo is at work already; continuous integration does it",
    ),
    ("RUSTC_BOOTSTRAP=1 cargo ", "the same"),
    ("PORT=3000 cargo ", "the same"),
    (
        "curl ",
        "need not be there; siospec connect asks the same of the same server",
    ),
    (
        "fuzz/smoke",
        "takes a C++ compiler and minutes; continuous integration does it",
    ),
    (
        "reports/remake",
        "plays every target; tests/report/remake.rs tries it with a stand-in",
    ),
    ("reports/official-suites", "takes a checkout of another project"),
    (
        "siospec install targets/",
        "asks the registries; continuous integration does it",
    ),
    (
        "siospec run targets/",
        "takes what is installed by that; continuous integration does it",
    ),
    ("siospec run --role client targets/", "the same"),
    ("siospec run --role codec targets/", "the same"),
    (
        "siospec fuzz codec targets/",
        "the same; tests/cli tries campaigns",
    ),
    (
        "siospec fuzz codec --seed 1 --runs 100000 -- python3 ",
        "takes a driver; tests/cli tries it",
    ),
    (
        "siospec run --role client -- node ",
        "takes a driver and its library; tests/driver tries it",
    ),
    ("siospec driver check -- node ", "the same"),
    (
        "siospec faults --format markdown",
        "plays every fault; tests/faults.rs does it",
    ),
];

/// What takes the place of words of a command, so that it is fast and speaks to our server.
fn adapted(command: &str, server: &str) -> String {
    command
        .replace("http://127.0.0.1:3000", server)
        .replace("siospec run ", "siospec run --partition hash:1/60 ")
        .replace(
            "siospec baseline write ",
            "siospec baseline write --partition hash:1/60 ",
        )
        .replace("--time 1m", "--time 1s")
}

/// A folder with what the documents speak of: parts of a run, two results, and a server that `node` starts.
fn workshop(program: &Path) -> (tempfile::TempDir, OsString) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for part in ["1", "2"] {
        let ended = Command::new(program)
            .args(["run", "server/ack", "--role", "server", "--partition"])
            .args([
                format!("hash:{part}/2"),
                "--report-json".to_owned(),
                format!("part-{part}.json"),
            ])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
    for name in ["old.json", "new.json"] {
        fs::copy(at("part-1.json"), at(name)).unwrap();
    }
    fs::create_dir(at("bin")).unwrap();
    fs::write(
        at("bin/node"),
        "#!/bin/sh\n[ \"$1\" = server.mjs ] && exec siospec serve\n",
    )
    .unwrap();
    fs::set_permissions(at("bin/node"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut folders = vec![at("bin"), program.parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    (folder, std::env::join_paths(folders).unwrap())
}

/// A server to speak to, ended when it is dropped.
struct Served(Child, String);

impl Served {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .trim_start_matches("listening on ")
            .trim_end_matches("/socket.io/");
        let address = address.to_owned();
        Self(child, address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn commands_that_are_to_be_typed_work() {
    let program = assert_cmd::cargo::cargo_bin("siospec");
    let served = Served::start(&program);
    let (folder, path) = workshop(&program);
    let mut unused: Vec<&str> = NOT_TRIED.iter().map(|(begin, _)| *begin).collect();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (document, text) in all() {
        for command in typed(&text) {
            if let Some((begin, _)) = NOT_TRIED.iter().find(|(begin, _)| command.starts_with(begin)) {
                unused.retain(|other| other != begin);
                if let Some(words) = command.strip_prefix("siospec ") {
                    let words = words
                        .split_whitespace()
                        .map(|word| word.trim_matches('\'').to_owned());
                    wrong.extend(understands(words).err());
                }
                continue;
            }
            if command.starts_with("siospec serve ") {
                continue; // It is what the others speak to.
            }
            let ended = Command::new("sh")
                .args(["-c", &adapted(&command, &served.1)])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env_remove("GITHUB_ACTIONS")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            tried += 1;
            if !ended.status.success() {
                let says = String::from_utf8_lossy(&ended.stdout).into_owned()
                    + &String::from_utf8_lossy(&ended.stderr);
                wrong.push(format!(
                    "{}: {command}: {}\n{says}",
                    document.display(),
                    ended.status
                ));
            }
        }
    }
    assert!(tried >= 10, "only {tried} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        unused.is_empty(),
        "no document has a command that begins with {unused:?}"
    );
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
