//! A run from start to end: plan, play side by side, play alone what is in doubt, judge the gate.
//!
//! Owns the order of things. Instances of the target are `fleet`'s, decisions are those of `decide`, `plan`, `retry`, `known` and
//! `gate`.

use super::alone::{Casualty, Reason};
use super::budget::{Budget, Confirmed};
use super::fleet::{Attempt, Berth, Fleet, Provision, Room};
use super::gate;
use super::options::Options;
use super::plan;
use super::retry::{self, Doubt};
use super::schedule::Turn;
use super::verdict::{Played, fill};
use super::{describe, endurance, known};
use crate::outcome::{CaseResult, RunEvent, RunResult, SCHEMA_VERSION, TargetInfo, Verdict};
use crate::suite::{Rules, Trial};
use crate::target::{StartError, Target};
use crate::wire::Limits;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinError;

/// How much a trial may receive: a flood ends the trial, not siospec.
pub(super) const LIMITS: Limits = Limits {
    entries: 20_000,
    bytes: 32 << 20,
};

/// The needs that are the base of the test application, and how it meets them.
const BASE: [(&str, &str); 3] = [
    ("echo", "`message` is answered with `message-back`"),
    ("ack", "`message-with-ack` is acknowledged with what came"),
    (
        "auth",
        "`auth` is emitted on connection with what the client sent",
    ),
];

/// Who listens to a run.
pub type Listener<'a> = &'a mut (dyn FnMut(RunEvent) + Send);

/// Runs these trials against a target. `interrupted` turns true when what is done so far must do.
///
/// # Errors
/// Where the target cannot be started.
pub async fn run(
    target: Arc<Target>,
    rules: &Rules,
    trials: Vec<Trial>,
    options: &Options,
    interrupted: watch::Receiver<bool>,
    listener: Listener<'_>,
) -> Result<RunResult, StartError> {
    let began = Instant::now();
    let mut result = begun(options, target.info());
    let mut reasons = Vec::new();
    let mut stop = interrupted.clone();
    let provision = Provision {
        timeout: options.timeout,
        limits: LIMITS,
        patience: options.patience,
        insecure: options.insecure,
    };
    let variants = variants(&trials, &target);
    let fleet = tokio::select! {
        fleet = Fleet::start(Arc::clone(&target), &variants, &provision) => Some(Arc::new(fleet?)),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    if let Some(fleet) = fleet {
        let mut conduct = Conduct::new(
            Arc::clone(&fleet),
            &target,
            rules,
            trials,
            options,
            interrupted.clone(),
            listener,
        );
        let turns = conduct.plan().await;
        let mut budget = Budget::new();
        conduct.side_by_side(turns, &mut budget).await;
        conduct.alone(&mut budget).await;
        // Where it was interrupted so early that it has not been told yet.
        conduct.tell_started();
        result.capabilities.clone_from(&conduct.capabilities);
        reasons = conduct.reasons().await;
        reasons.extend(conduct.without_base());
        result.cases = conduct.finished();
        fleet.stop().await;
    }
    result.interrupted = *interrupted.borrow();
    conclude(&mut result, options, reasons);
    result.wall_ms = began.elapsed().as_secs_f64() * 1000.0;
    Ok(result)
}

/// The variants that these trials need and the target offers, besides the default; first the one on which a trial waits for
/// the longest.
fn variants(trials: &[Trial], target: &Target) -> Vec<String> {
    let mut longest: BTreeMap<&str, f64> = BTreeMap::new();
    let offered = |trial: &&Trial| !variant(trial).is_empty() && target.offers(variant(trial));
    for trial in trials.iter().filter(offered) {
        let wait_ms = longest.entry(variant(trial)).or_default();
        *wait_ms = wait_ms.max(plan::least_wait(trial));
    }
    let mut variants: Vec<(&str, f64)> = longest.into_iter().collect();
    variants.sort_by(|a, b| b.1.total_cmp(&a.1));
    variants
        .into_iter()
        .map(|(variant, _)| variant.to_owned())
        .collect()
}

/// The result of a run that begins now.
pub(super) fn begun(options: &Options, target: &TargetInfo) -> RunResult {
    RunResult {
        schema_version: SCHEMA_VERSION,
        siospec_version: env!("CARGO_PKG_VERSION").to_owned(),
        role: options.role.clone(),
        target: target.clone(),
        started_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        partition: options.partition.clone(),
        ..RunResult::default()
    }
}

/// Applies the known failures, counts, and judges the gate.
pub(super) fn conclude(result: &mut RunResult, options: &Options, mut reasons: Vec<String>) {
    let elsewhere = options.elsewhere.as_deref().filter(|_| !result.interrupted);
    reasons.extend(known::apply(&options.known, &mut result.cases, elsewhere));
    if result.interrupted {
        reasons.push("the run was interrupted".to_owned());
    }
    result
        .cases
        .sort_by(|a, b| (&a.id, &a.over).cmp(&(&b.id, &b.over)));
    for verdict in Verdict::ALL {
        let number = result.cases.iter().filter(|case| case.verdict == verdict).count();
        result.totals.insert(verdict.word().to_owned(), number as u64);
    }
    (result.gate, result.gate_reasons) = gate::judge(&result.cases, options.strictness, reasons);
}

/// A run while it goes on.
pub(super) struct Conduct<'a> {
    pub(super) fleet: Arc<Fleet>,
    pub(super) target: &'a Target,
    pub(super) trials: Vec<Arc<Trial>>,
    pub(super) options: &'a Options,
    pub(super) listener: Listener<'a>,
    pub(super) interrupted: watch::Receiver<bool>,
    /// A result for each trial, filled as they end.
    pub(super) results: Vec<CaseResult>,
    pub(super) done: BTreeSet<usize>,
    /// What the default is known to be able to do.
    pub(super) capabilities: BTreeMap<String, bool>,
    /// How many trials are to be played, as far as that is known.
    pub(super) planned: usize,
    /// What is told once all is known that the default can do; `None` from then on.
    held: Option<Vec<RunEvent>>,
    /// Trials of the default about which is decided when all is known that it can do.
    pub(super) unlearnt: Option<Vec<usize>>,
    /// Trials of variants that are not up yet.
    pub(super) coming: BTreeMap<String, Vec<usize>>,
    /// What is to be played alone, in this order.
    pub(super) alone: VecDeque<(usize, Reason)>,
    /// Hazards, which are played when all others have begun and those that are not done mostly wait.
    pub(super) hazards: Vec<Turn>,
    /// What is in doubt of trials that are looked at again in small company, and what came of them first.
    pub(super) doubts: BTreeMap<usize, (Doubt, Box<Played>)>,
    /// Trials that were looked at again in small company: what still cannot be told is played alone.
    pub(super) looked_at: BTreeSet<usize>,
    pub(super) rechecked: BTreeSet<usize>,
    pub(super) confirmed: Confirmed,
    /// Trials that ended lately: when, on which instance, and how.
    pub(super) lately: VecDeque<(Instant, Place, usize)>,
    pub(super) losses: BTreeMap<Place, Casualty>,
}

/// An instance of the target: its variant and generation.
pub(super) type Place = (String, u32);

impl<'a> Conduct<'a> {
    fn new(
        fleet: Arc<Fleet>,
        target: &'a Target,
        rules: &Rules,
        trials: Vec<Trial>,
        options: &'a Options,
        interrupted: watch::Receiver<bool>,
        listener: Listener<'a>,
    ) -> Self {
        let result = |trial| {
            let mut result = describe::result(trial, rules, target.info(), options.cases.as_deref());
            let key = (result.id.clone(), result.over.clone());
            result.baseline = options.baselines.get(&key).cloned().unwrap_or_default();
            result
        };
        let results = trials.iter().map(result).collect();
        Self {
            fleet,
            target,
            trials: trials.into_iter().map(Arc::new).collect(),
            options,
            listener,
            interrupted,
            results,
            done: BTreeSet::new(),
            capabilities: BTreeMap::new(),
            planned: 0,
            held: Some(Vec::new()),
            unlearnt: None,
            coming: BTreeMap::new(),
            alone: VecDeque::new(),
            hazards: Vec::new(),
            doubts: BTreeMap::new(),
            looked_at: BTreeSet::new(),
            rechecked: BTreeSet::new(),
            confirmed: Confirmed::default(),
            lately: VecDeque::new(),
            losses: BTreeMap::new(),
        }
    }

    /// Tells what is planned, and all that has happened before that was known.
    pub(super) fn tell_started(&mut self) {
        let Some(held) = self.held.take() else { return };
        let capabilities = self.capabilities.iter();
        (self.listener)(RunEvent::Started {
            target: self.target.info().clone(),
            role: self.options.role.clone(),
            planned: self.planned,
            capabilities: capabilities.map(|(need, met)| (need.clone(), *met)).collect(),
        });
        held.into_iter().for_each(|event| (self.listener)(event));
    }

    /// Tells what happens, once it is told what is planned.
    pub(super) fn tell(&mut self, event: RunEvent) {
        match &mut self.held {
            Some(held) => held.push(event),
            None => (self.listener)(event),
        }
    }

    pub(super) fn finish(&mut self, index: usize, played: Played) {
        let result = &self.results[index];
        let played = if known::lists(&self.options.known, &result.id, &result.over) {
            let excused = known::excuses(&self.options.known, &result.id, &result.over, &played.message);
            retry::expected(played, excused)
        } else {
            played
        };
        let result = &mut self.results[index];
        fill(result, played);
        self.done.insert(index);
        let mut shown = [result.clone()];
        // The list is judged at the end; here it only colours what is shown.
        known::apply(&self.options.known, &mut shown, None);
        let [shown] = shown;
        self.tell(RunEvent::TrialFinished(Box::new(shown)));
    }

    /// What speaks against the gate and belongs to no trial.
    async fn reasons(&self) -> Vec<String> {
        let mut reasons = endurance::advise(self.fleet.down().await, &self.results);
        let guilty = |index: &usize| {
            matches!(
                self.results[*index].verdict,
                Verdict::Crashed | Verdict::Hung | Verdict::Broken
            )
        };
        for casualty in self.losses.values() {
            if !self.is_interrupted() && !casualty.suspects.iter().any(guilty) {
                reasons.push(format!(
                    "{}, beside {} trials of which none does that alone",
                    casualty.loss,
                    casualty.suspects.len()
                ));
            }
        }
        reasons
    }

    /// What every test application has is no matter of choice: where it is missing, the application is not there, or the
    /// target is so broken that skipping what needs it would hide that.
    fn without_base(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for (need, what) in BASE {
            if self.capabilities.get(need).copied().unwrap_or(false) {
                continue;
            }
            let lacks = |(index, trial): &(usize, &Arc<Trial>)| {
                self.results[*index].verdict == Verdict::Skip
                    && trial.case.header.needs.iter().any(|named| named == need)
            };
            let skipped = self.trials.iter().enumerate().filter(lacks).count();
            if skipped > 0 {
                let trials = if skipped == 1 { "trial was" } else { "trials were" };
                reasons.push(format!(
                    "{skipped} {trials} skipped for want of `{need}`, which is part of every test application: {what}; see docs/server-app.md"
                ));
            }
        }
        reasons
    }

    pub(super) fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    fn finished(&mut self) -> Vec<CaseResult> {
        let results = std::mem::take(&mut self.results);
        accounted(results, &self.done, self.is_interrupted())
    }
}

/// The results of the trials that are done. Unless the run was interrupted, one that is not was lost sight of, and that
/// must never look as if it had not been asked for.
fn accounted(results: Vec<CaseResult>, done: &BTreeSet<usize>, interrupted: bool) -> Vec<CaseResult> {
    let mut found = Vec::with_capacity(results.len());
    for (index, mut result) in results.into_iter().enumerate() {
        if !done.contains(&index) {
            if interrupted {
                continue;
            }
            let lost = Played::without_record(Verdict::Broken, "siospec lost sight of this trial");
            fill(&mut result, lost);
        }
        found.push(result);
    }
    found
}

/// What came of a trial, and where: on which instance, and whether that was fresh.
pub(super) enum Attempted {
    NoTarget(String),
    /// The player failed: a fault of siospec.
    Panicked(JoinError),
    At(Place, bool, Attempt),
}

/// Plays a trial on a living instance of the variant that it needs, in this room.
pub(super) async fn attempt(
    fleet: &Fleet,
    room: Room,
    trial: &Trial,
    wait_ms: f64,
    alone: bool,
) -> Attempted {
    let berth: Arc<Berth> = match fleet.berth(variant(trial), room).await {
        Ok(berth) => berth,
        Err(why) => return Attempted::NoTarget(why),
    };
    let place = (berth.variant.clone(), berth.generation);
    let fresh = berth.is_fresh();
    let attempt = berth
        .attempt(trial, wait_ms, alone, fleet.endurance.patience())
        .await;
    fleet.endurance.note(&attempt);
    Attempted::At(place, fresh, attempt)
}

/// The variant that a trial needs; empty for the default.
pub(super) fn variant(trial: &Trial) -> &str {
    trial.case.header.variant.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(verdicts: &[Verdict]) -> Vec<CaseResult> {
        let result = |verdict: &Verdict| CaseResult {
            id: format!("server/{}", verdict.word()),
            verdict: *verdict,
            ..CaseResult::default()
        };
        verdicts.iter().map(result).collect()
    }

    #[test]
    fn a_planned_trial_without_a_result_is_broken_by_name() {
        let planned = results(&[Verdict::Pass, Verdict::Skip]);
        let found = accounted(planned.clone(), &BTreeSet::from([0]), false);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].verdict, found[1].verdict),
            (Verdict::Pass, Verdict::Broken)
        );
        assert_eq!(found[1].id, "server/skip");
        assert!(found[1].message.contains("lost sight"), "{}", found[1].message);
        let (gate, reasons) = gate::judge(&found, gate::Strictness::default(), Vec::new());
        assert_eq!(gate, crate::outcome::Gate::Fail);
        assert_eq!(reasons.len(), 1, "{reasons:?}");

        let interrupted = accounted(planned, &BTreeSet::from([0]), true);
        assert_eq!(interrupted.len(), 1);
    }
}
