//! Loading, expanding, selecting and covering, with a small corpus of its own.

use super::*;
use crate::notation::{Diagnostic, Over, Role};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const RULES: &str = r#"
[[rule]]
id = "sio.event.echo"
roles = ["server", "client"]
area = "sio.event"
level = "must"
text = "An event arrives with its arguments."
source = "SP Exchange protocol"
impact = "Messages are lost."

[[rule]]
id = "sio.event.order"
roles = ["server"]
area = "sio.event"
level = "should"
text = "Events arrive in order."
source = "SP Exchange protocol"
impact = "Messages overtake each other."
not_coverable = "there is only one"
"#;

const ECHO: &str = "title: Echo\nrule: sio.event.echo\nover: websocket, polling\neach sent: 1  \"a\"\n\n> 42[<sent>]\n< 42[<sent>]\n";
const WIRE: &str = "title: Wire\nrule: sio.event.order\n\n> GET ?EIO=4\n< 200\n";

fn corpus(files: &[(&str, &str)]) -> (tempfile::TempDir, Corpus) {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("it can be made");
        fs::write(file, text).expect("it can be written");
    }
    let corpus = load_dir(dir.path()).expect("it can be read");
    (dir, corpus)
}

fn messages(corpus: &Corpus) -> Vec<String> {
    corpus.diagnostics.iter().map(|d| d.message.clone()).collect()
}

fn trials(corpus: &Corpus) -> Vec<Trial> {
    corpus
        .cases
        .iter()
        .flat_map(|case| expand(case).expect("it was checked"))
        .collect()
}

fn ids(trials: &[Trial]) -> Vec<String> {
    trials
        .iter()
        .map(|trial| format!("{} {}", trial.id, trial.over_word()))
        .collect()
}

#[test]
fn a_directory_gives_its_cases_by_path() {
    let (dir, corpus) = corpus(&[
        ("rules.toml", RULES),
        ("server/event/echo.sio", ECHO),
        ("a.sio", WIRE),
        ("notes.md", "x"),
    ]);
    assert_eq!(messages(&corpus), Vec::<String>::new());
    let found: Vec<(&str, &str, Level)> = corpus
        .cases
        .iter()
        .map(|case| (case.id.as_str(), case.area.as_str(), case.level))
        .collect();
    assert_eq!(
        found,
        [
            ("a", "sio.event", Level::Should),
            ("server/event/echo", "sio.event", Level::Must)
        ]
    );
    assert_eq!(Path::new(&corpus.cases[0].path), dir.path().join("a.sio"));
}

#[test]
fn one_file_is_a_corpus_too() {
    let (dir, _) = corpus(&[("rules.toml", RULES), ("x/echo.sio", "title: x\n")]);
    let one = load_dir(&dir.path().join("x/echo.sio")).expect("it can be read");
    assert_eq!(one.diagnostics[0].message, "the header has no `rule`");
    assert!(load_dir(&dir.path().join("nowhere")).is_err());
}

#[test]
fn a_case_becomes_a_trial_for_each_value_and_transport() {
    let (_dir, corpus) = corpus(&[("rules.toml", RULES), ("echo.sio", ECHO), ("wire.sio", WIRE)]);
    let trials = trials(&corpus);
    assert_eq!(
        ids(&trials),
        [
            "echo[1] websocket",
            "echo[1] polling",
            "echo[\"a\"] websocket",
            "echo[\"a\"] polling",
            "wire wire"
        ]
    );
    assert_eq!(trials[2].text.lines().nth(5), Some("> 42[\"a\"]"));
    assert_eq!(
        trials[2].case.steps()[0].line,
        6,
        "line numbers are those of the file"
    );
    assert_eq!((trials[0].over, trials[4].over), (Some(Over::WebSocket), None));
}

#[test]
fn cases_are_held_to_the_rules() {
    let unknown = WIRE.replace("sio.event.order", "sio.event.ordre");
    let mixed = WIRE.replace("sio.event.order", "sio.event.order, sio.event.echo");
    let client = WIRE.replace("rule:", "role: client\nrule:");
    let (_dir, corpus) = corpus(&[
        ("rules.toml", RULES),
        ("Wire.sio", WIRE),
        ("client.sio", &client),
        ("mixed.sio", &mixed),
        ("unknown.sio", &unknown),
        ("x/wire.sio", WIRE),
    ]);
    assert_eq!(
        messages(&corpus),
        [
            "the rule `sio.event.order` does not bind a client",
            "`sio.event.echo` has the level `must`, the rule before it `should`",
            "there is no rule `sio.event.ordre`",
        ]
    );
    let unknown = &corpus.diagnostics[2];
    assert_eq!((unknown.line, unknown.column), (2, 7));
    assert_eq!(
        unknown.expected.as_deref(),
        Some("did you mean `sio.event.order`?")
    );
    assert_eq!(corpus.cases.len(), 2);
}

#[test]
fn rules_that_cannot_be_read_blame_no_case() {
    let (_dir, corpus) = corpus(&[("rules.toml", "[[rule]]\nid = \"a\"\n"), ("wire.sio", WIRE)]);
    assert_eq!(
        corpus
            .diagnostics
            .iter()
            .filter(|d| d.file.ends_with("wire.sio"))
            .count(),
        0
    );
    assert!(!corpus.diagnostics.is_empty());
}

#[test]
fn errors_of_the_rules_point_into_the_file() {
    let wrong = |from: &str, to: &str| match Rules::parse("rules.toml", &RULES.replacen(from, to, 1)) {
        Ok(_) => panic!("{to} is read"),
        Err(found) => Diagnostic::render_all(&found, false),
    };
    insta::assert_snapshot!(wrong("impact = \"Messages are lost.\"", "impact = \"\""));
    insta::assert_snapshot!(wrong("\"must\"", "\"most\""));
    insta::assert_snapshot!(wrong("source =", "sauce ="));
    insta::assert_snapshot!(wrong("sio.event.order", "sio.event.echo"));
    insta::assert_snapshot!(wrong("[\"server\"]", "[\"sever\"]"));
    assert_eq!(
        Rules::parse("rules.toml", RULES).map(|rules| rules.len()).ok(),
        Some(2)
    );
}

fn selected(selection: &Selection) -> (Vec<String>, Vec<String>) {
    let (_dir, corpus) = corpus(&[
        ("rules.toml", RULES),
        ("s/echo.sio", ECHO),
        ("s/echo-more.sio", WIRE),
    ]);
    let selected = selection.select(trials(&corpus));
    (ids(&selected.trials), selected.unmatched)
}

fn by_patterns(patterns: &[&str]) -> (Vec<String>, Vec<String>) {
    let patterns = patterns.iter().map(|p| (*p).to_owned()).collect();
    selected(&Selection {
        patterns,
        ..Selection::default()
    })
}

#[test]
fn patterns_are_whole_ids_or_parts_or_globs() {
    assert_eq!(by_patterns(&[]).0.len(), 5);
    assert_eq!(
        by_patterns(&["s/echo[1]"]).0,
        ["s/echo[1] websocket", "s/echo[1] polling"]
    );
    assert_eq!(
        by_patterns(&["s/echo"]).0.len(),
        4,
        "a whole id is no part of another"
    );
    assert_eq!(by_patterns(&["s/ech"]).0.len(), 5);
    assert_eq!(by_patterns(&["*more"]).0, ["s/echo-more wire"]);
    assert_eq!(by_patterns(&["s/*o"]).0.len(), 4);
    let (found, unmatched) = by_patterns(&["more", "nobody", "x*"]);
    assert_eq!(
        (found.len(), unmatched),
        (1, vec!["nobody".to_owned(), "x*".to_owned()])
    );
}

#[test]
fn all_that_is_asked_for_must_hold() {
    let all = Selection::default();
    assert_eq!(
        selected(&Selection {
            over: vec![Over::Polling],
            ..all.clone()
        })
        .0
        .len(),
        2
    );
    assert_eq!(
        selected(&Selection {
            levels: vec![Level::Should],
            ..all.clone()
        })
        .0,
        ["s/echo-more wire"]
    );
    assert_eq!(
        selected(&Selection {
            role: Some(Role::Client),
            ..all.clone()
        })
        .0
        .len(),
        0
    );
    let rules = |rule: &str| {
        selected(&Selection {
            rules: vec![rule.to_owned()],
            ..Selection::default()
        })
    };
    assert_eq!(rules("sio.event.order").0, ["s/echo-more wire"]);
    assert_eq!(rules("sio.*").0.len(), 5);
    assert_eq!(rules("sio.event").1, ["sio.event"]);
}

#[test]
fn partitions_divide_and_lose_nothing() {
    let parts: Vec<Partition> = (1..=3)
        .map(|part| format!("hash:{part}/3").parse().expect("a partition"))
        .collect();
    for n in 0..200 {
        let id = format!("server/case-{n}");
        assert_eq!(parts.iter().filter(|part| part.holds(&id, "wire")).count(), 1);
    }
    let share = (0..3000)
        .filter(|n| parts[0].holds(&format!("case-{n}"), "polling"))
        .count();
    assert!((800..1200).contains(&share), "{share}");
    assert_eq!(parts[1].to_string(), "hash:2/3");
    for wrong in ["1/3", "hash:0/3", "hash:4/3", "hash:1", "hash:a/b", "hash:1/+3"] {
        assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
    }
}

#[test]
fn globs_fit_whole_texts() {
    for (glob, text) in [
        ("*", ""),
        ("a*c", "abbc"),
        ("a*b*c", "a/b/b/c"),
        ("?", "é"),
        ("a**", "a"),
        ("x[1]", "x[1]"),
    ] {
        assert!(fits_glob(glob, text), "{glob} {text}");
    }
    for (glob, text) in [
        ("", "a"),
        ("a", "ab"),
        ("*a", "ab"),
        ("a*b*c", "acb"),
        ("?", ""),
        ("x[1]", "x1"),
    ] {
        assert!(!fits_glob(glob, text), "{glob} {text}");
    }
}

#[test]
fn coverage_is_by_rule_and_role() {
    let (_dir, corpus) = corpus(&[("rules.toml", RULES), ("echo.sio", ECHO)]);
    let own = |row: &&Row| row.rule.id.starts_with("sio.event.") && RULES.contains(&row.rule.id);
    let coverage = Coverage::of(&corpus, []);
    let states: Vec<(Role, State)> = coverage
        .rows
        .iter()
        .filter(own)
        .map(|row| (row.role, row.state()))
        .collect();
    assert!(states.contains(&(Role::Server, State::Covered)));
    assert!(states.contains(&(Role::Client, State::Uncovered)));
    assert!(states.contains(&(Role::Server, State::NotCoverable)));
    let missing = "no case covers `sio.event.echo` for the role `client`, and it does not say why";
    assert!(coverage.problems().iter().any(|problem| problem == missing));
    let counts = coverage.counts();
    assert!(counts[&("sio.event", Level::Must)].covered >= 1);
}

#[test]
fn a_reason_that_is_not_true_is_a_problem() {
    let (_dir, mut corpus) = corpus(&[("rules.toml", RULES), ("wire.sio", WIRE)]);
    let problems = Coverage::of(&corpus, []).problems();
    let stale = "`sio.event.order` says that no case can cover it, but wire does";
    assert!(problems.iter().any(|problem| problem == stale), "{problems:?}");
    corpus.cases.clear();
    let codec = Coverage::of(&corpus, [("sio.event.order", "codec/x")]);
    assert!(
        codec.rows.iter().all(|row| row.cases.is_empty()),
        "a vector is for the role `codec` only"
    );
}

#[test]
fn the_corpus_is_built_in() {
    let corpus = load_builtin();
    let embedded = builtin_files().filter(|path| path.ends_with(".sio")).count();
    let on_disk = load_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).expect("it can be read");
    let id = |cases: &[Arc<LoadedCase>]| cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
    assert!(embedded > 0);
    assert_eq!(id(&corpus.cases), id(&on_disk.cases));
    let (built, read): (Vec<String>, Vec<String>) = (messages(&corpus), messages(&on_disk));
    assert_eq!(
        built.iter().filter(|m| *m != "there is no such file").count(),
        read.len()
    );
}

#[test]
fn the_manual_names_rules_that_there_are() {
    let rules = load_builtin().rules;
    let manual = include_str!("../../cases/README.md");
    let named = manual
        .lines()
        .filter_map(|line| line.strip_prefix("rule: "))
        .flat_map(|list| list.split(", "));
    let binds_clients = rules.iter().any(|rule| rule.roles.contains(&Role::Client));
    let unknown: Vec<&str> = named
        .filter(|id| rules.get(id).is_none() && (binds_clients || !id.starts_with("client.")))
        .collect();
    assert_eq!(unknown, Vec::<&str>::new());
}
