//! How much is played again, and which failures need no second proof.

use super::retry::{Doubt, blocked_by_lag, may_fail_the_gate};
use super::verdict::Played;
use crate::outcome::Verdict;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How many failures are played again that others may be to blame for, and how long that may take in all. Where more
/// fail, it is not by chance.
const REPLAYS: u32 = 64;
const REPLAY_TIME: Duration = Duration::from_secs(60);
/// The same for those that the machine may be to blame for. Where it stalls for a long time these are as many as there are trials
/// that have a time, so that only the time is a bound.
const STALLED_REPLAYS: u32 = 3_000;
const STALLED_TIME: Duration = Duration::from_secs(300);

/// Failures that came again when they were played alone. The same failure of the same case over another transport, or with
/// another value, needs no second proof.
#[derive(Debug, Default)]
pub(super) struct Confirmed(BTreeSet<(String, u32)>);

impl Confirmed {
    /// Whether a failure like this one came again.
    pub(super) fn has(&self, case: &str, played: &Played) -> bool {
        self.0.contains(&Self::key(case, played))
    }

    /// Remembers a failure that came again, if it is one.
    pub(super) fn note(&mut self, case: &str, played: &Played) {
        let counts = matches!(
            played.verdict,
            Verdict::Fail | Verdict::Lenient | Verdict::Blocked
        );
        if counts && !blocked_by_lag(played) {
            self.0.insert(Self::key(case, played));
        }
    }

    /// What makes a failure the same as another one.
    pub(super) fn key(case: &str, played: &Played) -> (String, u32) {
        match &played.failure {
            Some(failure) => (case.to_owned(), failure.line),
            // What blocks a case is the same for all that it blocks.
            None => (played.message.clone(), 0),
        }
    }
}

/// How much replaying is left.
#[derive(Debug)]
pub(super) struct Budget {
    company: Purse,
    /// For what cannot fail the gate, so that it takes nothing from what can.
    lenient: Purse,
    stalled: Purse,
}

#[derive(Debug)]
struct Purse {
    replays: u32,
    time: Duration,
    until: Option<Instant>,
}

impl Budget {
    pub(super) fn new() -> Self {
        let purse = |replays, time| Purse {
            replays,
            time,
            until: None,
        };
        Self {
            company: purse(REPLAYS, REPLAY_TIME),
            lenient: purse(REPLAYS, REPLAY_TIME),
            stalled: purse(STALLED_REPLAYS, STALLED_TIME),
        }
    }

    /// Takes one replay from the budget.
    pub(super) fn grants(&mut self, doubt: Doubt, first: &Played) -> bool {
        let purse = match doubt {
            Doubt::Company | Doubt::Listed if may_fail_the_gate(first) => &mut self.company,
            Doubt::Company | Doubt::Listed => &mut self.lenient,
            Doubt::Stalled(_) | Doubt::Slow(_) | Doubt::Hazards => &mut self.stalled,
        };
        let until = *purse.until.get_or_insert_with(|| Instant::now() + purse.time);
        if purse.replays == 0 || Instant::now() > until {
            return false;
        }
        purse.replays -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn failed_at(line: u32) -> Played {
        Played {
            failure: Some(Failure {
                line,
                ..Failure::default()
            }),
            ..Played::without_record(Verdict::Fail, "late")
        }
    }

    #[test]
    fn the_budget_ends() {
        let mut budget = Budget::new();
        let mut granted = |doubt, verdict| {
            let first = Played::without_record(verdict, "late");
            (0..10_000).filter(|_| budget.grants(doubt, &first)).count()
        };
        assert_eq!(granted(Doubt::Company, Verdict::Lenient), REPLAYS as usize);
        assert_eq!(granted(Doubt::Company, Verdict::Fail), REPLAYS as usize);
        let stalled = granted(Doubt::Stalled(30.0), Verdict::Fail);
        assert_eq!(stalled, STALLED_REPLAYS as usize);
    }

    #[test]
    fn one_proof_does_for_all_transports_of_a_case() {
        let mut confirmed = Confirmed::default();
        confirmed.note("server/a", &failed_at(7));
        confirmed.note(
            "server/b",
            &Played {
                verdict: Verdict::Flaky,
                ..failed_at(7)
            },
        );
        assert!(confirmed.has("server/a", &failed_at(7)));
        assert!(!confirmed.has("server/a", &failed_at(8)));
        assert!(!confirmed.has("server/b", &failed_at(7)));
        let blocked = Played::without_record(Verdict::Blocked, "the namespace was not joined");
        confirmed.note("server/c", &blocked);
        assert!(confirmed.has("server/d", &blocked));
    }

    #[test]
    fn what_blocks_while_the_machine_stalls_tells_nothing_of_others() {
        let blocked = |lag_ms| Played {
            lag_ms,
            ..Played::without_record(Verdict::Blocked, "no CONNECT to / came in time")
        };
        let mut confirmed = Confirmed::default();
        confirmed.note("client/a", &blocked(300.0));
        assert!(!confirmed.has("client/b", &blocked(0.0)));
        confirmed.note("client/a", &blocked(0.0));
        assert!(confirmed.has("client/b", &blocked(0.0)));
    }
}
