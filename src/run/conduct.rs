//! A run from start to end: plan, play side by side, play alone what is in doubt, judge the gate.
//!
//! Owns the order of things. Instances of the target are `fleet`'s, decisions are those of `plan`, `retry`, `known` and
//! `gate`.

use super::alone::{Casualty, Reason};
use super::budget::{Budget, Confirmed};
use super::fleet::{Attempt, Berth, Fleet, Provision, Room};
use super::gate;
use super::options::Options;
use super::plan::{self, About, Allowed, Fate};
use super::retry::{self, Doubt};
use super::schedule::{Company, DEFAULT, MOSTLY_WAITS_MS, Turn};
use super::verdict::{Played, fill};
use super::{describe, endurance, known};
use crate::notation::Role;
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

/// A trial that waits for at least so many milliseconds is not looked at twice where that can be helped.
const LONG_MS: f64 = 2000.0;
/// More than any script has steps: what may be lenient has its turn first, and then the longer script.
const LENIENT_FIRST: f64 = 1e6;

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
    capabilities: BTreeMap<String, bool>,
    /// How many trials are to be played, as far as that is known.
    planned: usize,
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

/// What becomes of some trials that are no hazards.
#[derive(Default)]
struct Decided {
    turns: Vec<Turn>,
    hazards: usize,
    passed_over: Vec<(usize, Played)>,
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

    /// Decides about the trials of the default that may begin at once, and gives them back: those that do little but wait,
    /// so that they are no company for the probes that go on, and need nothing that is not known yet. What is for variants is
    /// decided about when they are up; until then it counts as planned.
    async fn plan(&mut self) -> Vec<Turn> {
        let about = self.fleet.about_at_first("").await;
        let (mut early, mut later) = (Vec::new(), Vec::new());
        let mut passed_over = Vec::new();
        for (index, trial) in self.trials.iter().enumerate() {
            let variant = variant(trial);
            if variant.is_empty() {
                let is_early = about.as_ref().is_ok_and(|about| self.may_begin(index, about));
                if is_early { &mut early } else { &mut later }.push(index);
            } else if self.target.offers(variant) {
                self.coming.entry(variant.to_owned()).or_default().push(index);
            } else {
                let near = self.target.variant_near(variant);
                let or = near.map_or_else(String::new, |near| format!("; its manifest has `{near}`"));
                let reason = format!("the target has no variant {variant}{or}");
                passed_over.push((index, Played::without_record(Verdict::Skip, reason)));
            }
        }
        let decided = self.decide(&early, &about);
        let coming: usize = self.coming.values().map(Vec::len).sum();
        self.planned = decided.turns.len() + coming;
        self.capabilities = about.map(|about| about.capabilities).unwrap_or_default();
        self.unlearnt = Some(later);
        for (index, played) in passed_over.into_iter().chain(decided.passed_over) {
            self.finish(index, played);
        }
        decided.turns
    }

    /// Whether a trial of the default may begin before all is known that the default can do.
    fn may_begin(&self, index: usize, about: &About) -> bool {
        let trial = &self.trials[index];
        let is_harmless = self.options.jobs > 1 && trial.case.header.hazard.is_none();
        match plan::fate(trial, about, self.allowed()) {
            Fate::Play(wait_ms) => {
                is_harmless && self.with_deadline(index, wait_ms, about) >= MOSTLY_WAITS_MS
            }
            Fate::Skip(_) => false,
        }
    }

    /// Takes in what the default can do, tells what is planned, and gives back what is played on it side by side.
    pub(super) fn take_up_own(&mut self, trials: &[usize], about: &Result<About, String>) -> Vec<Turn> {
        let decided = self.decide(trials, about);
        self.planned += decided.turns.len() + decided.hazards;
        if let Ok(about) = about {
            self.capabilities.clone_from(&about.capabilities);
        }
        self.tell_started();
        for (index, played) in decided.passed_over {
            self.finish(index, played);
        }
        decided.turns
    }

    /// Tells what is planned, and all that has happened before that was known.
    fn tell_started(&mut self) {
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

    /// Takes in that a variant is up, or that it is down, and gives back what is played on it side by side.
    pub(super) fn take_up(&mut self, trials: &[usize], about: &Result<About, String>) -> Vec<Turn> {
        let decided = self.decide(trials, about);
        for (index, played) in decided.passed_over {
            self.finish(index, played);
        }
        decided.turns
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            hazards: self.options.hazards || self.target.is_launched(),
            max_wait_ms: self.options.max_wait.as_secs_f64() * 1000.0,
        }
    }

    fn decide(&mut self, trials: &[usize], about: &Result<About, String>) -> Decided {
        let allowed = self.allowed();
        let mut decided = Decided::default();
        for index in trials.iter().copied() {
            let trial = &self.trials[index];
            let fate = about
                .as_ref()
                .map(|about| (about, plan::fate(trial, about, allowed)));
            match fate {
                Ok((_, Fate::Play(wait_ms))) if trial.case.header.hazard.is_some() => {
                    decided.hazards += 1;
                    if self.may_play_beside_hazards(index) {
                        // What may take long begins first.
                        let urgency = about
                            .as_ref()
                            .map_or(0.0, |about| plan::longest_deadline(trial, about));
                        let turn = self.turn(index, wait_ms, Company::Hazards);
                        self.hazards.push(Turn { urgency, ..turn });
                    } else {
                        self.alone.push_back((index, Reason::Hazard(wait_ms)));
                    }
                }
                Ok((about, Fate::Play(wait_ms))) => {
                    let wait_ms = self.with_deadline(index, wait_ms, about);
                    decided.turns.push(self.first_turn(index, wait_ms));
                }
                Ok((_, Fate::Skip(reason))) => {
                    let played = Played::without_record(Verdict::Skip, reason);
                    decided.passed_over.push((index, played));
                }
                Err(down) => {
                    let played = Played::without_record(Verdict::Blocked, down.clone());
                    decided.passed_over.push((index, played));
                }
            }
        }
        decided
    }

    /// A turn on the instance that most trials are played on. What siospec starts has others for what needs calm, and for
    /// what would end it.
    pub(super) fn turn(&self, index: usize, wait_ms: f64, company: Company) -> Turn {
        let variant = self.fleet.number(variant(&self.trials[index]));
        let room = match company {
            Company::Few if self.target.is_launched() && variant == DEFAULT => Room::Calm,
            Company::Nobody if self.target.is_launched() => Room::Lethal,
            _ => Room::Common,
        };
        Turn {
            index,
            wait_ms,
            company,
            urgency: 0.0,
            room,
            variant,
        }
    }

    /// The first turn of what is no hazard. What may be lenient is likely to be looked at twice, so it comes before others;
    /// where it waits for long, its first look is as its second one would be.
    fn first_turn(&self, index: usize, wait_ms: f64) -> Turn {
        let turn = self.turn(index, wait_ms, Company::All);
        let trial = &self.trials[index];
        let may_be_lenient = !trial.loaded.level.is_binding();
        let is_long = wait_ms >= LONG_MS && self.options.recheck && self.options.jobs > 1;
        let is_on_twin = self.options.twin && wait_ms < MOSTLY_WAITS_MS && index % 2 == 1;
        let room = if may_be_lenient && is_long && trial.case.header.role == Role::Server {
            self.turn(index, wait_ms, Company::Few).room
        } else if is_on_twin && self.target.is_launched() && turn.variant == DEFAULT {
            Room::Twin
        } else {
            turn.room
        };
        let urgency = plan::length(trial) + if may_be_lenient { LENIENT_FIRST } else { 0.0 };
        Turn {
            urgency,
            room,
            ..turn
        }
    }

    /// What is known to fail mostly waits for what does not come, until its deadline.
    fn with_deadline(&self, index: usize, wait_ms: f64, about: &About) -> f64 {
        let result = &self.results[index];
        if known::lists(&self.options.known, &result.id, &result.over) {
            wait_ms.max(plan::longest_deadline(&self.trials[index], about))
        } else {
            wait_ms
        }
    }

    /// A target that can be started again shows who ended it; what is known to end it would only be in the way.
    fn may_play_beside_hazards(&self, index: usize) -> bool {
        let result = &self.results[index];
        self.target.is_launched() && !known::ends_target(&self.options.known, &result.id, &result.over)
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
fn variant(trial: &Trial) -> &str {
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
