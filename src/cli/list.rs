//! `siospec list`: the cases, for people or as data.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::selecting::Selecting;
use crate::notation::Role;
use crate::report::count;
use crate::suite::{Allowed, Corpus, Expected, Frame, LoadedCase, Operation, Trial, Vector};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

/// The arguments of `siospec list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Ids of cases, parts of them, or globs
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    #[command(flatten)]
    selecting: Selecting,
    /// `json` gives the whole cases, for other runners
    #[arg(long, default_value = "text")]
    format: Format,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// A case as data.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a str,
    title: &'a str,
    role: &'a str,
    area: &'a str,
    level: &'a str,
    rules: &'a [String],
    /// The transports of a session script; empty for a wire script.
    over: Vec<&'a str>,
    needs: &'a [String],
    variant: Option<&'a str>,
    hazard: Option<&'a str>,
    /// The trials of the case that were selected.
    trials: Vec<ListedTrial<'a>>,
    /// The case file.
    text: &'a str,
    rule_text: &'a str,
    source: &'a str,
}

/// A case with its `each` values, over a transport.
#[derive(Debug, Serialize)]
struct ListedTrial<'a> {
    id: &'a str,
    /// `wire` for a wire script.
    over: &'a str,
}

pub(super) fn list(arguments: &List, out: &mut Output) -> Result<Exit, Failure> {
    if arguments.selecting.role == Some(Role::Codec) {
        return list_vectors(arguments, out);
    }
    let (corpus, trials) = arguments.selecting.select(&arguments.patterns)?;
    let mut cases: BTreeMap<&str, (&Arc<LoadedCase>, Vec<&Trial>)> = BTreeMap::new();
    for trial in &trials {
        cases
            .entry(&trial.loaded.id)
            .or_insert_with(|| (&trial.loaded, Vec::new()))
            .1
            .push(trial);
    }
    match arguments.format {
        Format::Json => {
            let listed: Vec<Listed<'_>> = cases
                .values()
                .map(|(case, trials)| listed(&corpus, case, trials))
                .collect();
            serde_json::to_writer_pretty(&mut *out, &listed)?;
            writeln!(out)?;
        }
        Format::Text => {
            for (case, trials) in cases.values() {
                let title = &case.case.header.title;
                let trials = count(trials.len(), "trial", "trials");
                writeln!(out, "{}  {title} ({}, {trials})", case.id, case.level)?;
            }
            let trials = count(trials.len(), "trial", "trials");
            writeln!(out, "{}, {trials}", count(cases.len(), "case", "cases"))?;
        }
    }
    Ok(Exit::Success)
}

fn listed<'a>(corpus: &'a Corpus, case: &'a LoadedCase, trials: &[&'a Trial]) -> Listed<'a> {
    let header = &case.case.header;
    let rule = header.rules.first().and_then(|id| corpus.rules.get(id));
    let listed_trial = |trial: &&'a Trial| ListedTrial {
        id: &trial.id,
        over: trial.over_word(),
    };
    Listed {
        id: &case.id,
        title: &header.title,
        role: header.role.word(),
        area: &case.area,
        level: case.level.word(),
        rules: &header.rules,
        over: header.over.iter().map(|over| over.word()).collect(),
        needs: &header.needs,
        variant: header.variant.as_deref(),
        hazard: header.hazard.as_deref(),
        trials: trials.iter().map(listed_trial).collect(),
        text: &case.text,
        rule_text: rule.map_or("", |rule| &rule.text),
        source: rule.map_or("", |rule| &rule.source),
    }
}

/// The vectors, with their inputs and results in the values of the driver protocol.
fn list_vectors(arguments: &List, out: &mut Output) -> Result<Exit, Failure> {
    let (_, vectors) = arguments.selecting.select_vectors(&arguments.patterns)?;
    match arguments.format {
        Format::Json => {
            let listed: Vec<Value> = vectors.iter().map(|vector| listed_vector(vector)).collect();
            serde_json::to_writer_pretty(&mut *out, &listed)?;
            writeln!(out)?;
        }
        Format::Text => {
            for vector in &vectors {
                writeln!(out, "{}  {} ({})", vector.id, vector.title, vector.level)?;
            }
            writeln!(out, "{}", count(vectors.len(), "vector", "vectors"))?;
        }
    }
    Ok(Exit::Success)
}

fn listed_vector(vector: &Vector) -> Value {
    let frames = |frames: &[Frame]| Value::Array(frames.iter().map(Frame::to_json).collect());
    let allowed = |allowed: &Allowed| match allowed {
        Allowed::Refusal => json!([{ "error": true }]),
        Allowed::Frames(list) => json!([{ "frames": frames(list) }]),
        Allowed::Outcomes(outcomes) => outcomes.iter().map(listed_outcome).collect(),
    };
    let (what, input, repeat) = match &vector.operation {
        Operation::Decode(list) => ("decode", frames(list), 1),
        Operation::Encode(packet, repeat) => ("encode", packet.clone(), *repeat),
        Operation::RoundTrip(packet) => ("roundtrip", packet.clone(), 1),
    };
    json!({
        "id": vector.id,
        "title": vector.title,
        "role": "codec",
        "area": vector.area,
        "level": vector.level.word(),
        "rules": [vector.rule],
        "codec": vector.codec.word(),
        "do": what,
        "input": input,
        "repeat": repeat,
        "expect": allowed(&vector.expect),
        "also": vector.also.iter().map(allowed).collect::<Vec<_>>(),
        "tolerated": vector.tolerated.iter().map(allowed).collect::<Vec<_>>(),
        "canonical": vector.canonical,
        "without_data": vector.without_data,
        "times": vector.times,
        "text": vector.text,
    })
}

fn listed_outcome(expected: &Expected) -> Value {
    match expected {
        Expected::Packet(packet) => json!({ "packet": packet }),
        Expected::AnyPacket => json!({ "packet": true }),
        Expected::Wait => json!({ "wait": true }),
        Expected::Error => json!({ "error": true }),
        Expected::Any => json!({ "any": true }),
    }
}
