//! Which trials are played again alone before their verdict stands, and what comes out of both.

use super::verdict::Played;
use crate::outcome::Verdict;
use crate::transcript::{Event, Side};
use std::time::{Duration, Instant};

/// Lag of the runner below this many milliseconds does not excuse a missed time.
const EXCUSING_LAG_MS: f64 = 10.0;
/// Above this many, the runner may have answered a ping too late, and anything may follow from that.
const HEARTBEAT_LAG_MS: f64 = 50.0;
/// Below this many, a time that is missed alone again and again is missed by the target.
const BLAMED_LAG_MS: f64 = 100.0;
/// How often a timed check is repeated while the machine stalls the runner.
pub(super) const STALLED_REPEATS: u32 = 5;
/// How many failures are played again, and how long that may take in all. Where more fail, it is not by chance.
const REPLAYS: u32 = 64;
const REPLAY_TIME: Duration = Duration::from_secs(60);

/// Why a trial is played again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doubt {
    /// It failed while the runner itself was held up for this many milliseconds, which may be the reason.
    Stalled(f64),
    /// It failed while others were played beside it.
    Company,
    /// It is listed as a known failure, and passed: it may have been closed for another reason than its own.
    Listed,
}

impl Doubt {
    pub(super) fn reason(self) -> String {
        match self {
            Self::Stalled(ms) => {
                format!("the machine held siospec up for {ms:.0} ms meanwhile")
            }
            Self::Company => "it failed while other trials were played beside it".to_owned(),
            Self::Listed => "it is listed as a known failure, and passed".to_owned(),
        }
    }
}

/// Whether the verdict of a trial may stand.
pub(super) fn doubt(played: &Played) -> Option<Doubt> {
    if !failed(played) {
        // A pong that the runner sent too late closes a connection as well as a broken rule does.
        let late = played.lag_ms > HEARTBEAT_LAG_MS && closed_by_target(played);
        return late.then_some(Doubt::Stalled(played.lag_ms));
    }
    let held_up = stalled(played) || played.lag_ms > HEARTBEAT_LAG_MS;
    Some(if held_up {
        Doubt::Stalled(played.lag_ms)
    } else {
        Doubt::Company
    })
}

/// Whether a time was missed that the machine may be to blame for.
pub(super) fn stalled(played: &Played) -> bool {
    let timed = played.failure.as_ref().is_some_and(|failure| failure.timed);
    timed && failed(played) && played.lag_ms > EXCUSING_LAG_MS
}

/// How often a trial that missed a time is played alone in all, while the machine stalls the runner.
pub(super) fn repeats(verdict: Verdict) -> u32 {
    if verdict == Verdict::Lenient {
        1
    } else {
        STALLED_REPEATS
    }
}

/// Of two trials played alone, the one that tells more: what did not miss a time, else what was held up less.
pub(super) fn calmer(before: Played, again: Played) -> Played {
    if stalled(&again) && again.lag_ms > before.lag_ms {
        before
    } else {
        again
    }
}

/// Whether the target ended a session or channel: the very thing that many rules ask for.
fn closed_by_target(played: &Played) -> bool {
    let by_target = |event: &Event| matches!(event, Event::Closed(closed) if closed.by == Side::Target);
    played.record.entries.iter().any(|entry| by_target(&entry.event))
}

fn failed(played: &Played) -> bool {
    match played.verdict {
        Verdict::Fail | Verdict::Broken | Verdict::Blocked => true,
        Verdict::Lenient => !played.tolerated,
        _ => false,
    }
}

/// What a trial comes to that was played in company and then alone.
pub(super) fn combine(first: Played, doubt: Doubt, alone: Played) -> Played {
    match alone.verdict {
        Verdict::Pass => match doubt {
            Doubt::Stalled(_) | Doubt::Listed => alone,
            Doubt::Company => Played {
                verdict: Verdict::Flaky,
                message: format!("passed when played alone, but before: {}", first.message),
                ..first
            },
        },
        verdict if stalled(&alone) && alone.lag_ms > BLAMED_LAG_MS => Played {
            // What accuses nobody must not fail the gate for the machine's sake either.
            verdict: match verdict {
                Verdict::Lenient => Verdict::Lenient,
                _ => Verdict::Broken,
            },
            message: format!(
                "the machine held siospec up for {:.0} ms, so this cannot be told: {}",
                alone.lag_ms, alone.message
            ),
            ..alone
        },
        _ => alone,
    }
}

/// How much replaying is left.
#[derive(Debug)]
pub(super) struct Budget {
    replays: u32,
    until: Option<Instant>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            replays: REPLAYS,
            until: None,
        }
    }

    /// Takes one replay from the budget. What may be the machine's fault is always granted one, unless it accuses nobody.
    pub(super) fn grants(&mut self, doubt: Doubt, first: Verdict) -> bool {
        if matches!(doubt, Doubt::Stalled(_)) && first != Verdict::Lenient {
            return true;
        }
        let until = *self.until.get_or_insert_with(|| Instant::now() + REPLAY_TIME);
        if self.replays == 0 || Instant::now() > until {
            return false;
        }
        self.replays -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn played(verdict: Verdict, timed: bool, lag_ms: f64) -> Played {
        let failure = Some(Failure {
            timed,
            ..Failure::default()
        });
        Played {
            verdict,
            failure,
            lag_ms,
            message: "late".to_owned(),
            ..Played::default()
        }
    }

    #[test]
    fn a_missed_time_on_a_stalled_machine_is_doubted_first() {
        assert_eq!(
            doubt(&played(Verdict::Fail, true, 50.0)),
            Some(Doubt::Stalled(50.0))
        );
        assert_eq!(
            doubt(&played(Verdict::Lenient, true, 50.0)),
            Some(Doubt::Stalled(50.0))
        );
        assert_eq!(doubt(&played(Verdict::Fail, true, 1.0)), Some(Doubt::Company));
        assert_eq!(doubt(&played(Verdict::Fail, false, 40.0)), Some(Doubt::Company));
        assert_eq!(
            doubt(&played(Verdict::Fail, false, 60.0)),
            Some(Doubt::Stalled(60.0))
        );
        assert_eq!(
            doubt(&Played {
                tolerated: true,
                ..played(Verdict::Lenient, false, 60.0)
            }),
            None
        );
        assert_eq!(doubt(&played(Verdict::Pass, true, 50.0)), None);
    }

    #[test]
    fn what_passes_alone_is_flaky_unless_the_machine_was_to_blame() {
        let first = played(Verdict::Fail, true, 50.0);
        let pass = Played {
            verdict: Verdict::Pass,
            ..Played::default()
        };
        assert_eq!(
            combine(first.clone(), Doubt::Stalled(50.0), pass.clone()).verdict,
            Verdict::Pass
        );
        let fails_after_all = combine(pass.clone(), Doubt::Listed, first.clone());
        assert_eq!(fails_after_all.verdict, Verdict::Fail);
        let passes_indeed = combine(pass.clone(), Doubt::Listed, pass.clone());
        assert_eq!(passes_indeed.verdict, Verdict::Pass);
        let flaky = combine(first, Doubt::Company, pass);
        assert_eq!(flaky.verdict, Verdict::Flaky);
        assert!(flaky.message.contains("late"));
    }

    #[test]
    fn what_fails_alone_fails_and_a_stalled_machine_never_blames_the_target() {
        let first = played(Verdict::Fail, true, 0.0);
        assert_eq!(
            combine(first.clone(), Doubt::Company, played(Verdict::Fail, true, 0.0)).verdict,
            Verdict::Fail
        );
        let stalled = combine(
            first.clone(),
            Doubt::Stalled(400.0),
            played(Verdict::Fail, true, 400.0),
        );
        assert_eq!(stalled.verdict, Verdict::Broken);
        let lenient = played(Verdict::Lenient, true, 400.0);
        let stalled = combine(lenient.clone(), Doubt::Stalled(400.0), lenient);
        assert_eq!(stalled.verdict, Verdict::Lenient);
        let hardly = combine(first, Doubt::Stalled(40.0), played(Verdict::Fail, true, 40.0));
        assert_eq!(hardly.verdict, Verdict::Fail);
    }

    #[test]
    fn of_stalled_trials_the_calmest_counts() {
        let lag = |lag_ms| played(Verdict::Fail, true, lag_ms);
        assert_eq!(calmer(lag(80.0), lag(300.0)).lag_ms, 80.0);
        assert_eq!(calmer(lag(300.0), lag(80.0)).lag_ms, 80.0);
        assert_eq!(
            calmer(lag(80.0), played(Verdict::Pass, true, 500.0)).verdict,
            Verdict::Pass
        );
    }

    #[test]
    fn the_budget_ends_but_not_for_the_stalled() {
        let mut budget = Budget::new();
        let company = |_: &i32| budget.grants(Doubt::Company, Verdict::Fail);
        assert_eq!((0..1_000).filter(company).count(), REPLAYS as usize);
        assert!(budget.grants(Doubt::Stalled(30.0), Verdict::Fail));
        assert!(!budget.grants(Doubt::Stalled(30.0), Verdict::Lenient));
    }
}
