//! Results of imagined targets on the real cases: scripts, records and baselines have the size and the form of real ones.

use siospec::outcome::{CaseResult, Failure, KnownInfo, RunResult, SCHEMA_VERSION, TargetInfo, Verdict};
use siospec::transcript::{
    Cause, Closed, Entry, Event, Handshake, Request, Response, Side, Transcript, Wire,
};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// What a sample is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    /// The name of the target.
    pub(crate) target: &'a str,
    /// `server` or `client`: the scripts are those of servers in any case.
    pub(crate) role: &'a str,
    /// How many of a hundred trials do not simply pass.
    pub(crate) trouble: u64,
    /// Changes what goes wrong.
    pub(crate) seed: u64,
}

/// Ten names.
pub(crate) fn target_names() -> [&'static str; 10] {
    [
        "socket.io",
        "python-socketio-aiohttp",
        "python-socketio-uvicorn",
        "python-socketio-threaded",
        "socketioxide",
        "go-socket.io",
        "netty-socketio",
        "elixir-socketio",
        "swoole-socketio",
        "reference",
    ]
}

/// The result of a run of the whole corpus.
pub(crate) fn sample(of: Sample<'_>) -> RunResult {
    let mut cases: Vec<CaseResult> = corpus().iter().flat_map(|file| trials(file, of)).collect();
    cases.sort_by(|a, b| (&a.id, &a.over).cmp(&(&b.id, &b.over)));
    let mut result = RunResult {
        schema_version: SCHEMA_VERSION,
        siospec_version: "0.1.0".to_owned(),
        role: of.role.to_owned(),
        target: TargetInfo {
            name: of.target.to_owned(),
            version: format!("{}.{}.1", of.target.len() % 5, of.seed),
            language: "JavaScript".to_owned(),
            homepage: "https://socket.io".to_owned(),
            argument: format!("targets/{}", of.target),
        },
        started_at: "2026-11-20T10:00:00Z".to_owned(),
        wall_ms: 42_000.0,
        capabilities: BTreeMap::from([("echo".to_owned(), true), ("ask".to_owned(), of.seed % 3 != 1)]),
        cases,
        ..RunResult::default()
    };
    super::count(&mut result);
    super::judge(&mut result);
    result
}

struct File {
    id: String,
    area: String,
    header: BTreeMap<String, String>,
    each: Option<(String, Vec<String>)>,
    text: String,
}

fn corpus() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut paths = Vec::new();
    walk(&root.join("server"), &mut paths);
    paths.sort();
    paths.iter().map(|path| read(&root, path)).collect()
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "sio") {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> File {
    let text = std::fs::read_to_string(path).unwrap();
    let id = path
        .strip_prefix(root)
        .unwrap()
        .with_extension("")
        .to_string_lossy()
        .into_owned();
    let mut header = BTreeMap::new();
    let mut each = None;
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        match key.strip_prefix("each ") {
            Some(name) if !name.contains("->") => {
                let values = value
                    .split("  ")
                    .map(|v| v.trim().to_owned())
                    .filter(|v| !v.is_empty())
                    .collect();
                each = Some((name.to_owned(), values));
            }
            _ => {
                header.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
    let area = header
        .get("rule")
        .map_or("sio", |rule| rule.split([',', ' ']).next().unwrap());
    let area = area.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    File {
        id,
        area,
        header,
        each,
        text,
    }
}

fn trials(file: &File, of: Sample<'_>) -> Vec<CaseResult> {
    let overs: Vec<&str> = file
        .header
        .get("over")
        .map_or_else(|| vec!["wire"], |over| over.split(',').map(str::trim).collect());
    let tuples: Vec<Option<(&str, &str)>> = match &file.each {
        Some((name, values)) => values
            .iter()
            .map(|value| Some((name.as_str(), value.as_str())))
            .collect(),
        None => vec![None],
    };
    let mut cases = Vec::new();
    for tuple in tuples {
        for over in &overs {
            cases.push(trial(file, tuple, over, of));
        }
    }
    cases
}

fn trial(file: &File, tuple: Option<(&str, &str)>, over: &str, of: Sample<'_>) -> CaseResult {
    let id = match tuple {
        Some((name, value)) => format!("{}[{name}={value}]", file.id),
        None => file.id.clone(),
    };
    let script = match tuple {
        Some((name, value)) => file.text.replace(&format!("<{name}>"), value),
        None => file.text.clone(),
    };
    let chance = hash(&(&file.id, of.target, of.seed)) % 100;
    let verdict = match (chance < of.trouble, hash(&(&id, over, of.seed)) % 40) {
        (false, _) => Verdict::Pass,
        (true, 0..=15) => Verdict::Fail,
        (true, 16..=22) => Verdict::Lenient,
        (true, 23..=26) => Verdict::Known,
        (true, 27..=29) => Verdict::Skip,
        (true, 30) => Verdict::Flaky,
        (true, 31) => Verdict::Crashed,
        (true, 32) => Verdict::Hung,
        (true, 33) => Verdict::Blocked,
        (true, _) => Verdict::Pass,
    };
    let level =
        ["must", "must", "must", "should", "reference", "security", "may"][(hash(&file.area) % 7) as usize];
    let record = record(&script, over, of);
    let lines: Vec<String> = script
        .lines()
        .skip_while(|line| !line.is_empty())
        .filter(|line| line.find(['>', '<', '!']).is_some_and(|at| at < 12))
        .map(str::to_owned)
        .collect();
    let failure = matches!(
        verdict,
        Verdict::Fail | Verdict::Known | Verdict::Flaky | Verdict::Lenient
    )
    .then(|| failure(&script, &record, hash(&id)));
    CaseResult {
        replay: format!("siospec run targets/{} '{id}' --over {over}", of.target),
        over: over.to_owned(),
        area: file.area.clone(),
        title: file.header["title"].clone(),
        rule: file.header["rule"].split(',').next().unwrap().to_owned(),
        level: level.to_owned(),
        rule_text:
            "The receiver answers with the packet that the protocol names, and keeps the session as it was."
                .to_owned(),
        source: "Engine.IO protocol, section \"Transports\"".to_owned(),
        link: "https://github.com/socketio/engine.io-protocol#transports".to_owned(),
        impact: "Messages that a user sent are lost without a word while the connection seems to be fine."
            .to_owned(),
        verdict,
        deviation: (verdict == Verdict::Pass && chance < of.trouble).then(|| {
            "  > 40\n- < 40{\"sid\":\"<sid>\"}\n+ < 40{\"sid\":\"<sid>\",\"pid\":\"<pid>\"}".to_owned()
        }),
        wall_ms: (hash(&id) % 900) as f64 + 0.25,
        message: match verdict {
            Verdict::Pass => String::new(),
            Verdict::Skip => "needs ask".to_owned(),
            Verdict::Blocked => "server/connect/the-main-namespace-is-joined fails".to_owned(),
            Verdict::Crashed => "the target's process ended (signal: 11)".to_owned(),
            _ => failure.as_ref().map_or_else(
                || "no answer".to_owned(),
                |f| format!("expected {}, came {}", f.expected, f.came),
            ),
        },
        failure,
        known: (verdict == Verdict::Known).then(|| KnownInfo {
            why: "the framework answers before the server sees the request".to_owned(),
            link: "https://github.com/example/example/issues/1".to_owned(),
        }),
        hazard: file.header.contains_key("hazard"),
        transcript: lines.clone(),
        baseline: lines,
        record,
        script,
        id,
        ..CaseResult::default()
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// An entry for each line of the script, as if it had been played.
fn record(script: &str, over: &str, of: Sample<'_>) -> Transcript {
    let player_is_client = of.role != "client";
    let mut at = 0.5;
    let mut entries = Vec::new();
    let mut push = |label: &str, event: Event, cause: Option<Cause>| {
        at += 1.75 + (entries.len() % 5) as f64;
        entries.push(Entry {
            at,
            label: label.to_owned(),
            event,
            cause,
        });
    };
    if over != "wire" {
        let handshake = Handshake {
            over: over.to_owned(),
            sid: "lv_VI97HAXpY6yYWAAAB".to_owned(),
            ..Handshake::default()
        };
        push("", Event::Opened(handshake), None);
    }
    let first = script.lines().position(str::is_empty).unwrap_or(0);
    for (index, line) in script.lines().enumerate().skip(first + 1) {
        let Some(position) = line.find(['>', '<', '!']).filter(|p| *p < 12) else {
            continue;
        };
        let (label, rest) = line.split_at(position);
        let text = rest[1..].trim().to_owned();
        let cause = Some(Cause {
            line: index as u32 + 1,
            repetition: 0,
        });
        let by_player = rest.starts_with('>') == player_is_client;
        let event = match (&rest[..1], text.as_str()) {
            ("!", _) => Event::Did(text),
            (_, words) if words.starts_with("close") => Event::Closed(Closed {
                by: Side::Target,
                how: "close frame".to_owned(),
                code: Some(1000),
            }),
            _ if by_player => Event::Sent(wire(&text)),
            _ => Event::Received(wire(&text)),
        };
        push(label, event, cause.filter(|_| by_player));
    }
    Transcript {
        entries,
        ..Transcript::default()
    }
}

fn wire(text: &str) -> Wire {
    let headers = vec![
        ("content-type".to_owned(), "text/plain; charset=UTF-8".to_owned()),
        ("content-length".to_owned(), "96".to_owned()),
        ("date".to_owned(), "Fri, 20 Nov 2026 10:00:00 GMT".to_owned()),
    ];
    if let Some((method, target)) = text
        .split_once(' ')
        .filter(|(method, _)| ["GET", "POST", "WS"].contains(method))
    {
        let target = format!("/socket.io/{target}").replace("<sid>", "lv_VI97HAXpY6yYWAAAB");
        return Wire::Request(Request {
            method: method.replace("WS", "GET"),
            target,
            headers,
            body: vec![],
        });
    }
    match text.parse::<u16>() {
        Ok(status) if (100..600).contains(&status) => Wire::Response(Response {
            status,
            headers,
            body: b"2\x1e42[\"message-back\",\"polled\"]".to_vec(),
            own: false,
        }),
        _ if text.starts_with("<Buffer") => Wire::Binary(vec![1, 2, 3, 255]),
        _ => Wire::Text(text.to_owned()),
    }
}

/// The last line of the script failed: either something else came, or nothing.
fn failure(script: &str, record: &Transcript, hash: u64) -> Failure {
    let (line, text) = script
        .lines()
        .enumerate()
        .filter(|(_, l)| l.contains('<'))
        .last()
        .unwrap_or((0, ""));
    let nothing_came = hash.is_multiple_of(3);
    Failure {
        line: line as u32 + 1,
        script_line: text.to_owned(),
        expected: format!("`{}`", text.split_once('<').map_or("", |(_, rest)| rest).trim()),
        came: if nothing_came {
            "nothing within 500 ms".to_owned()
        } else {
            "`44{\"message\":\"Invalid namespace\"}`".to_owned()
        },
        at: record.entries.last().map_or(0.0, |entry| entry.at) + 500.0 * f64::from(u8::from(nothing_came)),
        allowed: vec!["status 500".to_owned()],
        hint: "the packet came twice: look at what is done on reconnection".to_owned(),
        timed: nothing_came,
        entry: (!nothing_came).then(|| record.entries.len().saturating_sub(1)),
    }
}
