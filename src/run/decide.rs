//! What is decided about trials before they are played: when each has its turn, beside whom and on which instance.
//!
//! What may be played at all is `plan`'s to say.

use super::alone::Reason;
use super::conduct::{Conduct, variant};
use super::fleet::Room;
use super::known;
use super::plan::{self, About, Allowed, Fate};
use super::schedule::{Company, DEFAULT, MOSTLY_WAITS_MS, Turn};
use super::verdict::Played;
use crate::notation::Role;
use crate::outcome::Verdict;

/// A trial that waits for at least so many milliseconds is not looked at twice where that can be helped.
const LONG_MS: f64 = 2000.0;

/// What becomes of some trials that are no hazards.
#[derive(Default)]
struct Decided {
    turns: Vec<Turn>,
    hazards: usize,
    passed_over: Vec<(usize, Played)>,
}

impl Conduct<'_> {
    /// Decides about the trials of the default that may begin at once, and gives them back: those that do little but wait,
    /// so that they are no company for the probes that go on, and need nothing that is not known yet. What is for variants is
    /// decided about when they are up; until then it counts as planned.
    pub(super) async fn plan(&mut self) -> Vec<Turn> {
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
                Ok((about, Fate::Play(wait_ms))) if trial.case.header.hazard.is_some() => {
                    decided.hazards += 1;
                    if self.may_play_beside_hazards(index) {
                        // What may take long begins first.
                        let urgency = (false, plan::longest_deadline(trial, about));
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
            urgency: (false, 0.0),
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
        let room = if may_be_lenient && is_long && trial.case.header.role == Role::Server {
            self.turn(index, wait_ms, Company::Few).room
        } else {
            turn.room
        };
        let urgency = (may_be_lenient, plan::length(trial));
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
}
