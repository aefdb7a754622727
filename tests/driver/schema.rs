//! The published schema is that of the types, and what is really sent fits it, as do the examples of the documents.

use crate::validate::validate;
use crate::{check, ended, siospec};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn published() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/driver.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn fits(root: &Value, part: &str, line: &Value) -> Result<(), String> {
    validate(root, &json!({ "$ref": format!("#/$defs/{part}") }), line)
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let (code, printed) = ended(siospec().args(["driver", "schema"]));
    assert_eq!(code, 0, "{printed}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/driver.schema.json");
    assert!(
        fs::read_to_string(path).unwrap_or_default() == printed,
        "the types have changed: write it anew with `siospec driver schema > docs/driver.schema.json`"
    );
}

#[test]
fn all_that_is_really_sent_fits() {
    let root = published();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (code, text) = check("", Some(&log));
    assert_eq!(code, 0, "{text}");
    let mut seen = [0, 0];
    for line in fs::read_to_string(log).unwrap().lines() {
        let (direction, text) = line.split_once(' ').unwrap();
        let part = if direction == ">" { "request" } else { "message" };
        seen[usize::from(direction == ">")] += 1;
        let message: Value = serde_json::from_str(text).unwrap();
        fits(&root, part, &message).unwrap_or_else(|why| {
            // The last request of each start is one that cannot exist.
            let nonsense = message["do"]
                .as_str()
                .is_some_and(|word| word.starts_with("siospec-"));
            assert!(nonsense, "{text}: {why}");
        });
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

#[test]
fn the_examples_of_the_documents_fit() {
    let root = published();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/driver.md");
    let text = fs::read_to_string(path).unwrap();
    let mut looked_at = 0;
    for block in text
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
    {
        for line in block.lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            let part = if message.get("do").is_some() {
                "request"
            } else {
                "message"
            };
            fits(&root, part, &message).unwrap_or_else(|why| panic!("{line}: {why}"));
            looked_at += 1;
        }
    }
    assert!(looked_at >= 5, "only {looked_at} examples");
}

/// The words in the first column of the table that begins with `head`.
fn first_column(text: &str, head: &str) -> Vec<String> {
    let table = text.split(head).nth(1).unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.skip(1).map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(words).collect()
}

/// What stands in backticks.
fn words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_words_of_the_document_are_those_of_the_schema() {
    let root = published();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/driver.md");
    let text = fs::read_to_string(path).unwrap();
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words.dedup();
        words
    };

    let listed = &root["$defs"]["hello"]["properties"]["client"]["examples"][0];
    let listed: Vec<String> = serde_json::from_value(listed.clone()).unwrap();
    assert!(listed.len() > 20, "{listed:?}");
    let head = "| word of `client` | the library can |";
    let table = text.split(head).nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    // Some words are explained beside another one.
    let told = words(table).into_iter().filter(|word| *word != "emitOnConnect");
    assert_eq!(sorted(told.collect()), sorted(listed));

    let constants = |definition: &Value, key: &str| -> Vec<String> {
        let variants = definition["oneOf"].as_array().unwrap();
        variants
            .iter()
            .map(|variant| variant["properties"][key]["const"].as_str().unwrap().to_owned())
            .collect()
    };
    let commands = constants(&root["$defs"]["command"], "do");
    let mut told = first_column(&text, "| command | keys | a result is |");
    told.extend(first_column(&text, "| command | keys | what the driver does |"));
    assert_eq!(sorted(told), sorted(commands));
    let reports = constants(&root["$defs"]["report"], "report");
    assert_eq!(
        sorted(first_column(&text, "| report | keys | when |")),
        sorted(reports)
    );
    let options = root["$defs"]["options"]["properties"].as_object().unwrap();
    let told = first_column(&text, "| option of `connect` | meaning | if absent |");
    assert_eq!(sorted(told), sorted(options.keys().cloned().collect()));
}

#[test]
fn what_has_another_form_does_not_fit() {
    let root = published();
    for (part, wrong) in [
        (
            "request",
            json!({"id": 1, "do": "conect", "case": "c1", "url": "http://x", "nsp": "/", "options": {}}),
        ),
        (
            "request",
            json!({"id": 1, "do": "connect", "case": "c1", "nsp": "/", "options": {}}),
        ),
        ("request", json!({"do": "close", "case": "c1"})),
        ("request", json!({"id": 0, "do": "close", "case": "c1"})),
        (
            "request",
            json!({"id": 1, "do": "emit", "nsp": "/", "event": "a", "args": 1}),
        ),
        (
            "request",
            json!({"id": 1, "do": "connect", "url": "http://x", "nsp": "/", "options": {"upgrade": "no"}}),
        ),
        ("message", json!({"hello": 2, "name": "x"})),
        ("message", json!({"error": "without an id"})),
        ("message", json!({"id": 1, "results": [{"error": "no list"}]})),
        (
            "message",
            json!({"case": "c1", "report": "event", "nsp": "/", "event": "a"}),
        ),
        (
            "message",
            json!({"case": "c1", "report": "connected", "nsp": "/"}),
        ),
        ("message", json!({"report": "connect", "nsp": "/"})),
    ] {
        assert!(fits(&root, part, &wrong).is_err(), "{wrong}");
    }
}
