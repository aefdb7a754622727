//! `siospec selftest`: changes what the reference sent before it is judged, and shows which changes went unnoticed.
//!
//! Every expectation of every case must be able to fail; a change that leaves the verdict a pass shows a weak one.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::selecting::Selecting;
use crate::notation::Role;
use crate::outcome::{CaseResult, Verdict};
use crate::play::{MutationReport, Values, mutate};
use crate::run::Options;
use crate::suite::{Rules, Trial};
use crate::target::Target;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The arguments of `siospec selftest`.
#[derive(Debug, clap::Args)]
pub(super) struct Selftest {
    /// Only these cases; `*` stands for any text
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    #[command(flatten)]
    selecting: Selecting,
}

pub(super) fn selftest(arguments: &Selftest, out: &mut Output) -> Result<Exit, Failure> {
    let (corpus, trials) = arguments.selecting.select(&arguments.patterns)?;
    let by_key: BTreeMap<(String, String), Trial> = trials
        .iter()
        .map(|t| ((t.id.clone(), t.over_word().to_owned()), t.clone()))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut cases = Vec::new();
    for role in [Role::Server, Role::Client] {
        let of_role = |trial: &&Trial| trial.case.header.role == role;
        let mine: Vec<Trial> = trials.iter().filter(of_role).cloned().collect();
        if !mine.is_empty() {
            cases.append(&mut runtime.block_on(play(role, &corpus.rules, mine))?);
        }
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    let reports = judge_again(&by_key, &cases);
    show(&cases, &reports, out)
}

/// Plays the trials of one role on the reference.
async fn play(role: Role, rules: &Rules, trials: Vec<Trial>) -> Result<Vec<CaseResult>, Failure> {
    let target = Arc::new(Target::reference(role, None).map_err(Failure::usage)?);
    let options = Options {
        hazards: true,
        ..Options::new(role.word())
    };
    let (_keep, interrupted) = watch::channel(false);
    let mut nobody = |_| {};
    let result = crate::run::run(target, rules, trials, &options, interrupted, &mut nobody).await?;
    Ok(result.cases)
}

/// Judges the mutations of every passing trial, on all processors.
fn judge_again(
    trials: &BTreeMap<(String, String), Trial>,
    cases: &[CaseResult],
) -> Vec<(usize, MutationReport)> {
    let values = Values {
        connect_timeout_ms: Some(1000.0),
        texts: BTreeMap::from([("path".to_owned(), "/socket.io/".to_owned())]),
    };
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut reports: Vec<(usize, MutationReport)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(index) else { return mine };
                let trial = trials.get(&(case.id.clone(), case.over.clone()));
                if let Some(trial) = trial.filter(|_| case.verdict == Verdict::Pass) {
                    mine.push((index, mutate(&trial.case, &values, &case.record)));
                }
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect()
    });
    reports.sort_by_key(|(index, _)| *index);
    reports
}

fn show(
    cases: &[CaseResult],
    reports: &[(usize, MutationReport)],
    out: &mut Output,
) -> Result<Exit, Failure> {
    let (mut tried, mut caught, mut free, mut survived) = (0, 0, 0, 0);
    for (index, report) in reports {
        tried += report.tried;
        caught += report.caught;
        free += report.free;
        survived += report.survivors.len();
        for survivor in &report.survivors {
            let case = &cases[*index];
            let line = case
                .script
                .lines()
                .nth(survivor.line.saturating_sub(1) as usize)
                .unwrap_or_default();
            writeln!(
                out,
                "survived: {} over {}, line {}: {}",
                case.id, case.over, survivor.line, survivor.mutation
            )?;
            writeln!(out, "          {line}")?;
        }
    }
    let unplayed = cases.iter().filter(|case| case.verdict != Verdict::Pass).count();
    for case in cases.iter().filter(|case| case.verdict != Verdict::Pass) {
        writeln!(
            out,
            "not judged: {} over {} is {}: {}",
            case.id,
            case.over,
            case.verdict.word(),
            case.message
        )?;
    }
    writeln!(
        out,
        "{tried} mutations of {} trials: {caught} caught, {free} free by a reason, {survived} survived; {unplayed} trials without a pass",
        reports.len()
    )?;
    Ok(if survived == 0 && unplayed == 0 {
        Exit::Success
    } else {
        Exit::Gate
    })
}
