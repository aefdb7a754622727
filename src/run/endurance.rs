//! How much a target may cost by being lost: how often it is worth starting again while no trial passes, and how long it may
//! take to answer.

use super::fleet::Attempt;
use crate::outcome::{CaseResult, Verdict};
use crate::target::Loss;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What it may cost that the target is lost again and again while no trial passes. One that ended costs little, one that
/// fell silent takes longer to notice; and a target that has passed a trial before is worth more than one that has not.
const LOSSES_IN_VAIN: u32 = 20;
const COST_OF_END: u32 = 2;
const COST_OF_SILENCE: u32 = 5;
const COST_OF_LATER_SILENCE: u32 = 1;
/// The part of the patience that is left for a target which was lost before, and has passed no trial since.
const LITTLE_PATIENCE: f64 = 0.4;
/// What follows for the trials that are left.
const NOT_PLAYED: &str = "so what was left is not played";

/// How often the target was lost since a trial passed, and what that cost.
#[derive(Debug)]
pub(super) struct Endurance {
    patience: Duration,
    losses: AtomicU32,
    cost: AtomicU32,
    passed_before: AtomicBool,
}

impl Endurance {
    /// For a target that counts as silent where it takes longer to answer than `patience`, asked twice.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            losses: AtomicU32::default(),
            cost: AtomicU32::default(),
            passed_before: AtomicBool::default(),
        }
    }

    /// Remembers how a trial came out: a target that passes one is worth starting again.
    pub(super) fn note(&self, attempt: &Attempt) {
        if matches!(attempt, Attempt::Played(played) if played.verdict == Verdict::Pass) {
            self.passed_before.store(true, Ordering::SeqCst);
            self.forgive();
        }
    }

    /// What was lost until now says nothing against the target, or was expected.
    pub(super) fn forgive(&self) {
        self.losses.store(0, Ordering::SeqCst);
        self.cost.store(0, Ordering::SeqCst);
    }

    /// How long an instance may take to show that it still answers.
    pub(super) fn patience(&self) -> Duration {
        if self.losses.load(Ordering::SeqCst) > 0 {
            self.patience.mul_f64(LITTLE_PATIENCE)
        } else {
            self.patience
        }
    }

    /// Counts a loss; `None` is an end that nobody waited for.
    ///
    /// # Errors
    /// Where the target is no longer worth starting again, in a sentence.
    pub(super) fn count(&self, loss: Option<&Loss>) -> Result<(), String> {
        let silent = matches!(loss, Some(Loss::Silent(_) | Loss::Driver(_, false)));
        let cost = match (self.passed_before.load(Ordering::SeqCst), silent) {
            (false, false) => COST_OF_END,
            (false, true) => COST_OF_SILENCE,
            (true, false) => 0,
            (true, true) => COST_OF_LATER_SILENCE,
        };
        let losses = self.losses.fetch_add(1, Ordering::SeqCst) + 1;
        if self.cost.fetch_add(cost, Ordering::SeqCst) + cost < LOSSES_IN_VAIN {
            return Ok(());
        }
        Err(format!(
            "the target was lost {losses} times in a row while no trial passed, {NOT_PLAYED}"
        ))
    }
}

/// The reasons against the gate; where one is that the target was given up, it says what to do next: to play one trial
/// alone over which it was lost, and see what was said.
pub(super) fn advise(mut reasons: Vec<String>, results: &[CaseResult]) -> Vec<String> {
    let lost = |case: &&CaseResult| matches!(case.verdict, Verdict::Crashed | Verdict::Hung);
    if let Some(case) = results.iter().find(lost).or_else(|| results.first()) {
        let command = case.replay.replacen("siospec run", "siospec run --verbose", 1);
        for reason in reasons.iter_mut().filter(|reason| reason.ends_with(NOT_PLAYED)) {
            reason.push_str(&format!(
                "; to see one trial alone, with what was said: {command}"
            ));
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::verdict::Played;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn endurance() -> Endurance {
        Endurance::new(PATIENCE)
    }

    /// How often a target may be lost in this way until it is no longer started again.
    fn losses(endurance: &Endurance, loss: Option<&Loss>) -> usize {
        1 + (0..200).take_while(|_| endurance.count(loss).is_ok()).count()
    }

    fn silence() -> Loss {
        Loss::Driver("it does not answer".to_owned(), false)
    }

    #[test]
    fn a_target_that_never_behaved_is_given_up_soon() {
        assert_eq!(losses(&endurance(), None), 10);
        assert_eq!(losses(&endurance(), Some(&silence())), 4);
    }

    #[test]
    fn a_target_that_passed_a_trial_is_given_up_only_where_waiting_for_it_takes_long() {
        let passed = |verdict| {
            let endurance = endurance();
            let played = Played::without_record(verdict, "");
            endurance.note(&Attempt::Played(Box::new(played)));
            endurance
        };
        assert_eq!(losses(&passed(Verdict::Pass), None), 201);
        assert_eq!(losses(&passed(Verdict::Pass), Some(&silence())), 20);
        assert_eq!(losses(&passed(Verdict::Fail), Some(&silence())), 4);
    }

    #[test]
    fn only_losses_in_a_row_count() {
        let endurance = endurance();
        for _ in 0..3 {
            assert!(endurance.count(Some(&silence())).is_ok());
        }
        assert_eq!(endurance.patience(), PATIENCE.mul_f64(0.4));
        endurance.forgive();
        assert_eq!(endurance.patience(), PATIENCE);
        assert_eq!(losses(&endurance, Some(&silence())), 4);
    }

    #[test]
    fn who_gives_up_says_which_trial_to_play_alone() {
        let case = |id: &str, verdict| CaseResult {
            verdict,
            replay: format!("siospec run x {id} -- serve"),
            ..CaseResult::default()
        };
        let results = [case("a", Verdict::Blocked), case("b", Verdict::Hung)];
        let endurance = endurance();
        let given_up = (0..20).find_map(|_| endurance.count(None).err());
        let reasons = advise(vec!["another".to_owned(), given_up.unwrap()], &results);
        assert_eq!(reasons[0], "another");
        assert!(reasons[1].contains("lost 10 times in a row"), "{reasons:?}");
        assert!(
            reasons[1].ends_with("said: siospec run --verbose x b -- serve"),
            "{reasons:?}"
        );
    }
}
