//! `siospec faults`: starts the reference with one deliberate fault after another, and shows which cases catch it.
//!
//! A fault that no case of its own rules catches is a hole in the suite, and the command's exit code says so.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::selecting;
use crate::notation::Role;
use crate::outcome::{CaseResult, RunResult, Verdict};
use crate::run::Options;
use crate::suite::{Corpus, Trial, load_builtin};
use crate::target::{FaultEntry, Target, client_faults, faults as all_faults};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The arguments of `siospec faults`.
#[derive(Debug, clap::Args)]
pub(super) struct Faults {
    /// Only these faults; `*` stands for any text
    #[arg(value_name = "FAULT")]
    names: Vec<String>,
    /// Only faults of the server, or of the client
    #[arg(long, value_parser = selecting::role)]
    role: Option<Role>,
    /// Only list them, and play nothing
    #[arg(long)]
    list: bool,
    /// Play every case against each fault, not only those of the rules that it breaks
    #[arg(long)]
    all_cases: bool,
    /// Ask that every case of the rules that a fault breaks catches it, over every transport
    #[arg(long, conflicts_with = "all_cases")]
    every: bool,
    /// How many faults are tried side by side
    #[arg(short, long, default_value = "4", value_name = "N")]
    jobs: NonZeroU8,
    /// What to write: text or markdown
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
}

pub(super) fn faults(arguments: &Faults, out: &mut Output) -> Result<Exit, Failure> {
    let chosen: Vec<FaultEntry> = all_faults()
        .chain(client_faults())
        .filter(|fault| arguments.role.is_none_or(|role| role == fault.role))
        .filter(|fault| {
            arguments.names.is_empty()
                || arguments
                    .names
                    .iter()
                    .any(|n| crate::suite::fits_glob(n, fault.name))
        })
        .collect();
    if chosen.is_empty() {
        return Err(Failure::nothing(
            "no fault has such a name: `siospec faults --list` lists them".to_owned(),
        ));
    }
    if arguments.list {
        for fault in &chosen {
            writeln!(
                out,
                "{:<44} {} [{}]",
                fault.name,
                fault.sentence,
                fault.breaks.join(", ")
            )?;
        }
        return Ok(Exit::Success);
    }
    let corpus = load_builtin();
    let trials = selecting::trials(&corpus)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let caught = runtime.block_on(play_all(&chosen, &corpus, &trials, arguments, out))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    conclude(&chosen, &caught, arguments, out)
}

/// Case ids that caught a fault, those of its own rules apart.
#[derive(Default)]
struct Caught {
    own: BTreeSet<String>,
    others: BTreeSet<String>,
    /// Trials of its own rules that did not catch it, and what came of them instead.
    missed: Vec<String>,
}

async fn play_all(
    chosen: &[FaultEntry],
    corpus: &Corpus,
    trials: &[Trial],
    arguments: &Faults,
    out: &mut Output,
) -> Result<BTreeMap<(Role, &'static str), Caught>, Failure> {
    let mut waiting = chosen.iter().copied();
    let mut playing = FuturesUnordered::new();
    let mut all = BTreeMap::new();
    let mut missed = Vec::new();
    loop {
        while playing.len() < usize::from(arguments.jobs.get()) {
            let Some(fault) = waiting.next() else { break };
            playing.push(async move { (fault, catch(fault, corpus, trials, arguments.all_cases).await) });
        }
        let Some((fault, caught)) = playing.next().await else {
            break;
        };
        let caught = caught?;
        if caught.own.is_empty() {
            missed.push(fault);
            continue;
        }
        if arguments.format == Format::Text {
            show(fault, &caught, out)?;
        }
        all.insert((fault.role, fault.name), caught);
    }
    // Where the machine held siospec up, times prove nothing: what was missed in company is looked at alone.
    for fault in missed {
        let caught = catch(fault, corpus, trials, arguments.all_cases).await?;
        if arguments.format == Format::Text {
            show(fault, &caught, out)?;
        }
        all.insert((fault.role, fault.name), caught);
    }
    Ok(all)
}

/// Plays the cases of the rules that a fault breaks against the reference with this fault.
async fn catch(
    fault: FaultEntry,
    corpus: &Corpus,
    trials: &[Trial],
    all_cases: bool,
) -> Result<Caught, anyhow::Error> {
    let is_own = |rules: &[String]| rules.iter().any(|rule| fault.breaks.contains(&rule.as_str()));
    let chosen: Vec<Trial> = trials
        .iter()
        .filter(|t| t.case.header.role == fault.role)
        .filter(|t| all_cases || is_own(&t.case.header.rules))
        .cloned()
        .collect();
    let own: BTreeSet<String> = chosen
        .iter()
        .filter(|t| is_own(&t.case.header.rules))
        .map(|t| t.loaded.id.clone())
        .collect();
    if chosen.is_empty() {
        return Ok(Caught::default());
    }
    let target = Arc::new(Target::reference(fault.role, Some(fault.name))?);
    let options = Options {
        timeout: Duration::from_secs(20),
        hazards: true,
        recheck: false,
        ..Options::new(fault.role.word())
    };
    let (_keep, interrupted) = watch::channel(false);
    let mut nobody = |_| {};
    let result: RunResult =
        crate::run::run(target, &corpus.rules, chosen, &options, interrupted, &mut nobody).await?;
    let mut caught = Caught::default();
    for case in &result.cases {
        let id = case.id.split('[').next().unwrap_or(&case.id).to_owned();
        let catches = matches!(
            case.verdict,
            Verdict::Fail | Verdict::Lenient | Verdict::Crashed | Verdict::Hung
        );
        match (catches, own.contains(&id)) {
            (true, true) => {
                caught.own.insert(id);
            }
            (true, false) => {
                caught.others.insert(id);
            }
            (false, true) => caught.missed.push(came_of(case)),
            (false, false) => {}
        }
    }
    Ok(caught)
}

/// A trial that did not catch a fault, in a line.
fn came_of(case: &CaseResult) -> String {
    let separator = if case.message.is_empty() { "" } else { ": " };
    format!(
        "{} over {}: {}{separator}{}",
        case.id,
        case.over,
        case.verdict.word(),
        case.message
    )
}

fn show(fault: FaultEntry, caught: &Caught, out: &mut Output) -> Result<(), Failure> {
    if caught.own.is_empty() {
        writeln!(out, "MISSED {}: {}", fault.name, fault.sentence)?;
        writeln!(out, "       no case of {} caught it", fault.breaks.join(", "))?;
        for trial in &caught.missed {
            writeln!(out, "       {trial}")?;
        }
    } else {
        let ids: Vec<&str> = caught.own.iter().map(String::as_str).collect();
        writeln!(out, "caught {} by {}", fault.name, ids.join(", "))?;
    }
    if !caught.others.is_empty() {
        let ids: Vec<&str> = caught.others.iter().map(String::as_str).collect();
        writeln!(out, "       also by {}", ids.join(", "))?;
    }
    Ok(out.flush()?)
}

fn conclude(
    chosen: &[FaultEntry],
    caught: &BTreeMap<(Role, &'static str), Caught>,
    arguments: &Faults,
    out: &mut Output,
) -> Result<Exit, Failure> {
    if arguments.format == Format::Markdown {
        writeln!(out, "| fault | what the reference does | caught by |")?;
        writeln!(out, "| --- | --- | --- |")?;
        for fault in chosen {
            let ids: Vec<String> = caught
                .get(&(fault.role, fault.name))
                .map(|c| c.own.iter().map(|id| format!("`{id}`")).collect())
                .unwrap_or_default();
            let by = if ids.is_empty() {
                "**nothing**".to_owned()
            } else {
                ids.join("<br>")
            };
            writeln!(out, "| `{}` | {} | {by} |", fault.name, fault.sentence)?;
        }
        writeln!(out)?;
    }
    let missed = caught.values().filter(|caught| caught.own.is_empty()).count();
    writeln!(
        out,
        "{} of {} faults caught by a case of their own rule",
        chosen.len() - missed,
        chosen.len()
    )?;
    let mut holds = missed == 0;
    for ((_, fault), caught) in caught.iter().filter(|_| arguments.every) {
        for trial in &caught.missed {
            writeln!(out, "not caught: {fault} by {trial}")?;
            holds = false;
        }
    }
    Ok(if holds { Exit::Success } else { Exit::Gate })
}
