//! What is played alone at the end of a run: hazards, what was played when the target was lost, and what is in doubt.
//!
//! Owns who is to blame for a lost target: who loses it alone on an instance on which nothing else was played.

use super::budget::{Budget, Confirmed};
use super::conduct::{Attempted, Conduct, Place, attempt};
use super::fleet::{Attempt, Fleet, Remains, Room};
use super::known;
use super::retry::{self, Doubt};
use super::schedule::{Company, DEFAULT, Floor, Turn};
use super::verdict::Played;
use crate::outcome::{RunEvent, Verdict};
use crate::suite::Trial;
use crate::target::Loss;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A trial that ended this short a time before the target was lost may be to blame for it.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// How an instance was lost, and who may be to blame.
pub(super) struct Casualty {
    pub(super) loss: Loss,
    pub(super) suspects: Vec<usize>,
}

/// Doubts are looked at beside the last trials that go on where not more than this many of them may fail the gate.
const MOST_IMPORTANT: usize = 16;

/// Why a trial is played alone.
pub(super) enum Reason {
    /// It is a hazard to all beside it.
    Hazard(f64),
    /// It was played when the target was lost.
    Suspect,
    /// It had ended shortly before the target was lost.
    Recheck,
    /// Its verdict is in doubt.
    Doubt(Doubt, Box<Played>),
}

/// The rank of doubts about what would be lenient, and of passes in doubt.
const LENIENT: u8 = 2;
/// The rank of hazards.
const HAZARD: u8 = 3;

impl Reason {
    /// Whether it is a doubt about what may fail the gate, or more than that.
    fn is_important(&self) -> bool {
        self.rank() < LENIENT
    }

    /// What is played first.
    fn rank(&self) -> u8 {
        match self {
            Self::Suspect | Self::Recheck => 0,
            Self::Doubt(_, first) if retry::may_fail_the_gate(first) => 1,
            Self::Doubt(..) => LENIENT,
            Self::Hazard(_) => HAZARD,
        }
    }
}

impl Conduct<'_> {
    /// Remembers that an instance was lost while this trial was played; the first time, those which ended shortly before
    /// become suspects too.
    pub(super) fn note_loss(&mut self, place: &Place, loss: Loss, index: usize) {
        if let Some(casualty) = self.losses.get_mut(place) {
            casualty.suspects.push(index);
            return;
        }
        self.tell_loss(&loss);
        let before = self.ended_lately(place);
        self.suspect(place, loss, index, before);
    }

    /// What ended on this instance shortly before now.
    fn ended_lately(&self, place: &Place) -> Vec<usize> {
        let recent = |(when, at, _): &&(Instant, Place, usize)| at == place && when.elapsed() < SUSPICIOUS;
        let recent = self.lately.iter().filter(recent);
        recent.map(|(_, _, index)| *index).collect()
    }

    /// Has those looked at that were played before this trial on an instance that was lost over it.
    fn suspect(&mut self, place: &Place, loss: Loss, index: usize, before: Vec<usize>) {
        for earlier in &before {
            self.recheck(*earlier);
        }
        let suspects = before.into_iter().chain([index]).collect();
        self.losses.insert(place.clone(), Casualty { loss, suspects });
    }

    fn tell_loss(&mut self, loss: &Loss) {
        let next = if self.target.is_launched() {
            "it is started again, and who did it is found out"
        } else {
            "it is given time to recover"
        };
        self.tell(RunEvent::Notice(format!("{loss}; {next}")));
    }

    fn recheck(&mut self, index: usize) {
        if self.done.contains(&index) && self.rechecked.insert(index) {
            self.alone.push_back((index, Reason::Recheck));
        }
    }

    /// Plays what is in doubt, and what is a hazard. What may fail the gate is played one at a time.
    pub(super) async fn alone(&mut self, budget: &mut Budget) {
        self.one_by_one(budget, Reason::is_important).await;
        let turns = self.small_doubts(budget);
        self.side_by_side(turns, budget).await;
        self.one_by_one(budget, |reason| reason.rank() < HAZARD).await;
        let hazards = std::mem::take(&mut self.hazards);
        self.side_by_side(hazards, budget).await;
        self.one_by_one(budget, |_| true).await;
    }

    /// What is known to end the target, where there are instances for that alone.
    pub(super) fn lethal(&mut self) -> Vec<Turn> {
        let mut turns = Vec::new();
        if !self.target.is_launched() {
            return turns;
        }
        for (index, reason) in std::mem::take(&mut self.alone) {
            match reason {
                Reason::Hazard(wait_ms) => turns.push(self.turn(index, wait_ms, Company::Nobody)),
                reason => self.alone.push_back((index, reason)),
            }
        }
        turns
    }

    /// Hazards of variants of which no others are left. Those of the default do not wait for what does little but wait itself:
    /// they have an instance of their own then. What may fail the gate is looked at on an instance that no hazard has harmed,
    /// so they come after what will be played on theirs.
    pub(super) fn hazards_beside<Play, Out>(&mut self, floor: &Floor<Play, Out>) -> Vec<Turn> {
        if !self.target.is_launched() {
            return Vec::new();
        }
        let is_awaited = |(index, reason): &(usize, Reason)| {
            reason.is_important() && self.room_to_prove(*index, reason) == Room::Common
        };
        let is_awaited = self.alone.iter().any(is_awaited);
        let apart = floor.is_calm() && floor.are_waits_left(DEFAULT);
        let mut now = Vec::new();
        for mut turn in std::mem::take(&mut self.hazards) {
            if !is_awaited && !floor.are_others_left(turn.variant) {
                now.push(turn);
            } else if apart && turn.variant == DEFAULT {
                turn.room = Room::Apart;
                now.push(turn);
            } else {
                self.hazards.push(turn);
            }
        }
        now
    }

    /// Where a trial is played alone: a doubt on the instance for doubts, where there is one.
    fn room_to_prove(&self, index: usize, reason: &Reason) -> Room {
        if matches!(reason, Reason::Doubt(..)) {
            self.turn(index, 0.0, Company::Few).room
        } else {
            Room::Common
        }
    }

    /// Doubts that need not wait for the last ones. Where many may fail the gate, they do so for a reason that is not the
    /// company, and are looked at one by one.
    pub(super) fn doubts_beside(&mut self, budget: &mut Budget) -> Vec<Turn> {
        let important = self.alone.iter().filter(|(_, reason)| reason.is_important());
        if important.count() > MOST_IMPORTANT {
            return Vec::new();
        }
        self.small_doubts(budget)
    }

    /// Doubts that are looked at in small company first. Of those that cannot fail the gate, one of each kind: what fails as
    /// another one did is looked at after it.
    fn small_doubts(&mut self, budget: &mut Budget) -> Vec<Turn> {
        let key = |(index, (_, first)): (&usize, &(Doubt, Box<Played>))| {
            Confirmed::key(&self.trials[*index].loaded.id, first)
        };
        let mut kinds: BTreeSet<_> = self.doubts.iter().map(key).collect();
        let mut turns = Vec::new();
        let wait_ms = self.longest_wait_ms();
        for (index, reason) in std::mem::take(&mut self.alone) {
            match reason {
                Reason::Doubt(doubt, first) if self.is_for_company(index, &first) => {
                    let case = &self.trials[index].loaded.id;
                    // Each pass stands for itself, and each failure that counts.
                    let is_new =
                        first.verdict != Verdict::Lenient || kinds.insert(Confirmed::key(case, &first));
                    if is_new && !self.confirmed.has(case, &first) && budget.grants(doubt, &first) {
                        // What took long the first time begins first.
                        let urgency = (false, first.wall_ms);
                        turns.push(Turn {
                            urgency,
                            ..self.turn(index, wait_ms, Company::Few)
                        });
                        self.looked_at.insert(index);
                        self.doubts.insert(index, (doubt, first));
                    } else {
                        self.alone.push_back((index, Reason::Doubt(doubt, first)));
                    }
                }
                reason => self.alone.push_back((index, reason)),
            }
        }
        turns
    }

    /// Whether a doubt is looked at in small company: once, and no hazard over which the gate may fail.
    fn is_for_company(&self, index: usize, first: &Played) -> bool {
        let is_hazard = self.trials[index].case.header.hazard.is_some();
        let is_alone = is_hazard && retry::may_fail_the_gate(first);
        !is_alone && !self.looked_at.contains(&index)
    }

    fn longest_wait_ms(&self) -> f64 {
        self.options.max_wait.as_secs_f64() * 1000.0
    }

    /// Plays what is chosen, one trial at a time, and what comes of that.
    async fn one_by_one(&mut self, budget: &mut Budget, chosen: impl Fn(&Reason) -> bool) {
        // Where replaying has to stop somewhere, what counts has had its turn.
        self.alone
            .make_contiguous()
            .sort_by_key(|(_, reason)| reason.rank());
        let mut before: Option<(Place, usize)> = None;
        while let Some(at) = self.alone.iter().position(|(_, reason)| chosen(reason)) {
            let Some((index, reason)) = self.alone.remove(at) else {
                return;
            };
            if self.is_interrupted() {
                return;
            }
            let reason = match self.standing(index, reason, budget) {
                Ok(played) => {
                    self.finish(index, played);
                    continue;
                }
                Err(reason) => reason,
            };
            self.announce(index, &reason);
            let mut interrupted = self.interrupted.clone();
            let played = tokio::select! {
                played = self.settle(index, reason, &mut before) => played,
                _ = interrupted.wait_for(|stop| *stop) => return,
            };
            if let Some(played) = played {
                self.finish(index, played);
            }
        }
    }

    /// A failure that stands without being played again; or the reason to play the trial.
    fn standing(&self, index: usize, reason: Reason, budget: &mut Budget) -> Result<Played, Reason> {
        match reason {
            Reason::Doubt(_, first) if self.confirmed.has(&self.trials[index].loaded.id, &first) => {
                Ok(*first)
            }
            Reason::Doubt(doubt, first) if !budget.grants(doubt, &first) => Ok(retry::unsettled(*first)),
            reason => Err(reason),
        }
    }

    fn announce(&mut self, index: usize, reason: &Reason) {
        let (id, over) = (self.results[index].id.clone(), self.results[index].over.clone());
        let reason = match reason {
            Reason::Hazard(_) => return self.tell(RunEvent::TrialStarted { id, over }),
            Reason::Suspect => "the target was lost while it was played".to_owned(),
            Reason::Recheck => "the target was lost shortly after it".to_owned(),
            Reason::Doubt(doubt, _) => doubt.reason(),
        };
        self.tell(RunEvent::Retrying { id, reason });
    }

    /// Plays a trial alone, as often as it takes to be sure. `None` where its verdict stands as it is.
    async fn settle(
        &mut self,
        index: usize,
        reason: Reason,
        before: &mut Option<(Place, usize)>,
    ) -> Option<Played> {
        let room = self.room_to_prove(index, &reason);
        let wait_ms = if let Reason::Hazard(wait_ms) = reason {
            wait_ms
        } else {
            self.longest_wait_ms()
        };
        let how = (room, wait_ms);
        match reason {
            Reason::Doubt(doubt, first) => {
                let case = self.trials[index].loaded.id.clone();
                let settled =
                    retry::settle(*first, doubt, async || self.prove(index, how, before).await).await;
                self.confirmed.note(&case, &settled);
                Some(settled)
            }
            Reason::Hazard(_) => Some(self.prove(index, how, before).await),
            Reason::Suspect => {
                let again = self.prove(index, how, before).await;
                Some(self.suspected(index, again))
            }
            Reason::Recheck => {
                let again = self.prove(index, how, before).await;
                matches!(again.verdict, Verdict::Crashed | Verdict::Hung).then_some(again)
            }
        }
    }

    /// Where the target cannot be had again to find out who ended or silenced it, all who were there did: siospec did not
    /// start it, or it never behaves.
    fn suspected(&self, index: usize, again: Played) -> Played {
        let casualty = self
            .losses
            .values()
            .find(|casualty| casualty.suspects.contains(&index));
        match casualty {
            Some(casualty) if again.verdict == Verdict::Blocked => {
                let others = match casualty.suspects.len() {
                    1 => "this trial".to_owned(),
                    trials => format!("this or another of {trials} trials"),
                };
                let mut lost = Played::lost(&casualty.loss, Remains::default());
                lost.message = format!("{}, since {others}", lost.message);
                lost
            }
            _ => again,
        }
    }

    /// Plays a trial alone, in this room and for about so many milliseconds. The target is lost over it only where that happens
    /// on an instance on which nothing else was played; so a loss is looked at a second time. Those that were played before it
    /// are suspects where it is not to blame.
    async fn prove(&mut self, index: usize, how: (Room, f64), before: &mut Option<(Place, usize)>) -> Played {
        let trial = Arc::clone(&self.trials[index]);
        let attempted = attempt_alone(&self.fleet, &trial, how).await;
        let (place, loss) = match attempted {
            Attempted::At(place, false, Attempt::Lost(loss, _)) if self.target.is_launched() => (place, loss),
            attempted => return self.taken(index, attempted, before),
        };
        self.tell_loss(&loss);
        let mut suspects = self.ended_lately(&place);
        let last = before.take().filter(|(there, _)| *there == place);
        suspects.extend(last.map(|(_, earlier)| earlier));
        let again = attempt_alone(&self.fleet, &trial, how).await;
        if !matches!(again, Attempted::At(_, _, Attempt::Lost(..))) {
            self.suspect(&place, loss, index, suspects);
        }
        self.taken(index, again, before)
    }

    /// What came of a trial that was played alone.
    fn taken(&mut self, index: usize, attempted: Attempted, before: &mut Option<(Place, usize)>) -> Played {
        match attempted {
            Attempted::NoTarget(why) => Played::without_record(Verdict::Blocked, why),
            Attempted::Panicked(panic) => Played::panicked(&panic),
            Attempted::At(place, _, Attempt::Played(played)) => {
                *before = Some((place, index));
                *played
            }
            Attempted::At(place, _, Attempt::Lost(loss, remains)) => {
                self.note_loss(&place, loss.clone(), index);
                let result = &self.results[index];
                if known::ends_target(&self.options.known, &result.id, &result.over) {
                    self.fleet.endurance.forgive();
                }
                Played::lost(&loss, *remains)
            }
        }
    }
}

/// Plays a trial in a task of its own, so that a panic is that trial's.
async fn attempt_alone(fleet: &Arc<Fleet>, trial: &Arc<Trial>, (room, wait_ms): (Room, f64)) -> Attempted {
    let (fleet, trial) = (Arc::clone(fleet), Arc::clone(trial));
    // Dropping the set ends the task, as an interruption must.
    let mut task = JoinSet::new();
    task.spawn(async move { attempt(&fleet, room, &trial, wait_ms, true).await });
    match task.join_next().await {
        Some(Ok(attempted)) => attempted,
        Some(Err(panic)) => Attempted::Panicked(panic),
        None => Attempted::NoTarget("the trial was not played".to_owned()),
    }
}
