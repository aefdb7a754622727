//! Which trials are played again alone before their verdict stands, and what comes out of both.

use super::verdict::Played;
use crate::outcome::Verdict;
use crate::transcript::{Entry, Event, Side, Transcript};
use crate::wire::LimitReached;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Lag of the runner below this many milliseconds does not excuse a missed time.
const EXCUSING_LAG_MS: f64 = 10.0;
/// Above this many, the runner may have done anything too late that comes in the middle of a trial.
const DISTURBING_LAG_MS: f64 = 50.0;
/// The part of the ping timeout by which a pong may be late and still be in time for sure.
const HEARTBEAT_SHARE: f64 = 0.5;
/// The ping timeout of the test application, where no handshake tells it.
const PING_TIMEOUT_MS: f64 = 200.0;
/// Up to this many, or up to this part of the time that was waited, a time that is missed alone is missed by the target:
/// deadlines have moved by the lag already.
const BLAMED_LAG_MS: f64 = 100.0;
const BLAMED_SHARE: f64 = 0.1;
/// The same where nothing came at all, and nobody is accused of more than lenience.
const SILENCE_SHARE: f64 = 0.5;
/// How often a timed check is played alone while the machine stalls the runner: one that may fail the gate, and one that
/// would be lenient at worst.
const STALLED_REPEATS: u32 = 5;
const LENIENT_REPEATS: u32 = 2;
/// How many failures are played again that others may be to blame for, and how long that may take in all. Where more
/// fail, it is not by chance.
const REPLAYS: u32 = 64;
const REPLAY_TIME: Duration = Duration::from_secs(60);
/// The same for those that the machine may be to blame for.
const STALLED_REPLAYS: u32 = 300;
const STALLED_TIME: Duration = Duration::from_secs(180);

/// Why a trial is played again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doubt {
    /// It failed while the runner itself was held up for this many milliseconds, which may be the reason.
    Stalled(f64),
    /// It failed while others were played beside it.
    Company,
    /// It failed while hazards were played beside it.
    Hazards,
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
            Self::Hazards => "it failed while other hazards were played beside it".to_owned(),
            Self::Listed => "it is listed as a known failure, and passed".to_owned(),
        }
    }
}

/// Whether the verdict of a trial may stand.
pub(super) fn doubt(played: &Played) -> Option<Doubt> {
    if !failed(played) {
        // A pong that the runner sent too late closes a connection as well as a broken rule does.
        let late = pong_may_be_late(&played.record) && closed_by_target(played);
        return late.then_some(Doubt::Stalled(played.lag_ms));
    }
    if flooded(&played.record) {
        return None;
    }
    let held_up = stalled(played) || played.lag_ms > DISTURBING_LAG_MS;
    Some(if held_up {
        Doubt::Stalled(played.lag_ms)
    } else {
        Doubt::Company
    })
}

/// Whether a time was missed that the machine may be to blame for: one of the script, or that of a pong, without which a
/// target ends the session, and nothing that follows is as expected.
pub(super) fn stalled(played: &Played) -> bool {
    let Some(failure) = played.failure.as_ref().filter(|_| failed(played)) else {
        return false;
    };
    if flooded(&played.record) {
        return false;
    }
    failure.timed && played.lag_ms > EXCUSING_LAG_MS || pong_may_be_late(&played.record)
}

/// Whether the player stopped reading because more came than a case may receive: the machine has no part in that.
fn flooded(record: &Transcript) -> bool {
    let gave_up = |event: &Event| matches!(event, Event::Closed(closed) if closed.by == Side::Player && LimitReached::is_told_by(&closed.how));
    record.entries.iter().any(|entry| gave_up(&entry.event))
}

/// Plays alone what is in doubt, again and again while the machine stalls, and says what both come to.
pub(super) async fn settle(first: Played, doubt: Doubt, mut play: impl AsyncFnMut() -> Played) -> Played {
    let mut alone = play().await;
    let repeats = if alone.verdict == Verdict::Lenient && !pong_may_be_late(&alone.record) {
        LENIENT_REPEATS
    } else {
        STALLED_REPEATS
    };
    for _ in 1..repeats {
        if !hopeless(&alone) && !blocked_by_lag(&alone) {
            break;
        }
        alone = calmer(alone, play().await);
    }
    combine(first, doubt, alone)
}

/// A trial whose doubt cannot be settled, for there is no time left to play it again.
pub(super) fn unsettled(first: Played) -> Played {
    if hopeless(&first) {
        blame_the_machine(first)
    } else {
        first
    }
}

/// Of two trials played alone, the one that tells more: what did not miss a time, else what was held up less.
fn calmer(before: Played, again: Played) -> Played {
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

/// Whether the runner was held up so much within a ping timeout that it may have missed it.
fn pong_may_be_late(record: &Transcript) -> bool {
    let announced = |entry: &Entry| match &entry.event {
        Event::Opened(handshake) if handshake.ping_timeout > 0.0 => Some(handshake.ping_timeout),
        _ => None,
    };
    let timeouts = record.entries.iter().filter_map(announced);
    let timeout = timeouts.reduce(f64::min).unwrap_or(PING_TIMEOUT_MS);
    let mut within: VecDeque<(f64, f64)> = VecDeque::new();
    let mut sum = 0.0;
    for entry in &record.entries {
        let Event::Lag(ms) = entry.event else { continue };
        within.push_back((entry.at, ms));
        sum += ms;
        while let Some((at, old)) = within.front().copied()
            && at < entry.at - timeout
        {
            sum -= old;
            within.pop_front();
        }
        if sum > timeout * HEARTBEAT_SHARE {
            return true;
        }
    }
    false
}

/// Whether a precondition may not have held for the machine's sake: nothing is told by that, also not of other trials.
fn blocked_by_lag(played: &Played) -> bool {
    played.verdict == Verdict::Blocked && played.lag_ms > DISTURBING_LAG_MS
}

/// Whether a time was missed that the target cannot be blamed for.
pub(super) fn hopeless(played: &Played) -> bool {
    let Some(failure) = &played.failure else {
        return false;
    };
    let nothing_came = failure.entry.is_none();
    let share = if nothing_came && played.verdict == Verdict::Lenient {
        SILENCE_SHARE
    } else {
        BLAMED_SHARE
    };
    stalled(played) && played.lag_ms > BLAMED_LAG_MS.max(failure.at * share)
}

fn blame_the_machine(played: Played) -> Played {
    let message = format!(
        "the machine held siospec up for {:.0} ms, so this cannot be told: {}",
        played.lag_ms, played.message
    );
    // What accuses nobody does not fail the gate for the machine's sake either.
    let verdict = if played.verdict == Verdict::Lenient {
        Verdict::Lenient
    } else {
        Verdict::Broken
    };
    Played {
        verdict,
        message,
        ..played
    }
}

fn failed(played: &Played) -> bool {
    match played.verdict {
        Verdict::Fail | Verdict::Broken | Verdict::Blocked => true,
        Verdict::Lenient => !played.tolerated,
        _ => false,
    }
}

/// Whether this verdict fails the gate where it stands.
pub(super) fn may_fail_the_gate(played: &Played) -> bool {
    !matches!(played.verdict, Verdict::Lenient | Verdict::Pass)
}

/// What a trial comes to that was played in company and then alone.
pub(super) fn combine(first: Played, doubt: Doubt, alone: Played) -> Played {
    match alone.verdict {
        Verdict::Pass => match doubt {
            Doubt::Stalled(_) | Doubt::Hazards | Doubt::Listed => alone,
            Doubt::Company => Played {
                verdict: Verdict::Flaky,
                message: format!("passed when played alone, but before: {}", first.message),
                ..first
            },
        },
        _ if hopeless(&alone) => blame_the_machine(alone),
        _ => alone,
    }
}

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
            Doubt::Stalled(_) | Doubt::Hazards => &mut self.stalled,
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
    fn a_late_pong_is_feared_only_where_the_ping_timeout_was_nearly_missed() {
        let closed = |lags: &[(f64, f64)]| {
            let entry = |at, event| Entry {
                at,
                label: String::new(),
                event,
                cause: None,
            };
            let lags = lags.iter().map(|(at, ms)| entry(*at, Event::Lag(*ms)));
            let end = Event::Closed(crate::transcript::Closed {
                by: Side::Target,
                how: "reset".to_owned(),
                code: None,
            });
            let record = Transcript {
                entries: lags.chain([entry(9_000.0, end)]).collect(),
                ..Transcript::default()
            };
            Played {
                record,
                ..played(Verdict::Pass, false, 300.0)
            }
        };
        let spread: Vec<(f64, f64)> = (0..30).map(|n| (f64::from(n) * 100.0, 10.0)).collect();
        assert_eq!(doubt(&closed(&spread)), None);
        let at_once = [(500.0, 60.0), (600.0, 60.0)];
        assert_eq!(doubt(&closed(&at_once)), Some(Doubt::Stalled(300.0)));
        let apart = [(500.0, 60.0), (900.0, 60.0)];
        assert_eq!(doubt(&closed(&apart)), None);
        // What fails then, in whatever way, is no failure of the target for sure.
        let failed = |lags| Played {
            verdict: Verdict::Fail,
            ..closed(lags)
        };
        assert!(hopeless(&failed(&at_once)));
        assert!(!hopeless(&failed(&apart)));
    }

    #[test]
    fn a_flood_is_the_fault_of_nobody_else() {
        let closed = |how: &str| {
            let entry = |event| Entry {
                at: 50.0,
                label: String::new(),
                event,
                cause: None,
            };
            let end = Event::Closed(crate::transcript::Closed {
                by: Side::Player,
                how: how.to_owned(),
                code: None,
            });
            let record = Transcript {
                entries: vec![entry(Event::Lag(400.0)), entry(end)],
                ..Transcript::default()
            };
            Played {
                record,
                ..played(Verdict::Fail, false, 400.0)
            }
        };
        let limits = crate::wire::Limits { entries: 0, bytes: 9 };
        let (tap, _seen) = crate::wire::Tap::new(Instant::now(), limits);
        let reached = tap.post(Event::Deadline).unwrap_err().to_string();
        let flood = closed(&reached);
        assert_eq!(doubt(&flood), None);
        assert!(!hopeless(&flood));
        let gave_up = closed("gave up: no frame");
        assert_eq!(doubt(&gave_up), Some(Doubt::Stalled(400.0)));
        assert!(hopeless(&gave_up));
    }

    #[test]
    fn a_long_wait_is_not_excused_by_a_little_lag() {
        let mut waited = played(Verdict::Fail, true, 250.0);
        assert!(hopeless(&waited));
        waited.failure.as_mut().unwrap().at = 5_000.0;
        assert!(!hopeless(&waited));
        waited.lag_ms = 600.0;
        assert!(hopeless(&waited));
        waited.verdict = Verdict::Lenient;
        assert!(!hopeless(&waited));
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
    fn the_budget_ends() {
        let mut budget = Budget::new();
        let mut granted = |doubt, verdict| {
            let first = played(verdict, false, 0.0);
            (0..1_000).filter(|_| budget.grants(doubt, &first)).count()
        };
        assert_eq!(granted(Doubt::Company, Verdict::Lenient), REPLAYS as usize);
        assert_eq!(granted(Doubt::Company, Verdict::Fail), REPLAYS as usize);
        assert_eq!(
            granted(Doubt::Stalled(30.0), Verdict::Fail),
            STALLED_REPLAYS as usize
        );
        assert_eq!(
            unsettled(played(Verdict::Fail, true, 400.0)).verdict,
            Verdict::Broken
        );
        assert_eq!(
            unsettled(played(Verdict::Fail, false, 400.0)).verdict,
            Verdict::Fail
        );
    }

    #[test]
    fn one_proof_does_for_all_transports_of_a_case() {
        let at = |line| {
            let mut failed = played(Verdict::Fail, false, 0.0);
            failed.failure.as_mut().unwrap().line = line;
            failed
        };
        let mut confirmed = Confirmed::default();
        confirmed.note("server/a", &at(7));
        confirmed.note(
            "server/b",
            &Played {
                verdict: Verdict::Flaky,
                ..at(7)
            },
        );
        assert!(confirmed.has("server/a", &at(7)));
        assert!(!confirmed.has("server/a", &at(8)));
        assert!(!confirmed.has("server/b", &at(7)));
        let blocked = Played::without_record(Verdict::Blocked, "the namespace was not joined");
        confirmed.note("server/c", &blocked);
        assert!(confirmed.has("server/d", &blocked));
    }

    #[tokio::test]
    async fn a_stalled_machine_is_given_several_chances() {
        let mut lags = [300.0, 250.0, 40.0, 0.0].into_iter();
        let first = played(Verdict::Fail, true, 300.0);
        let settled = settle(first, Doubt::Stalled(300.0), async || {
            played(Verdict::Fail, true, lags.next().unwrap())
        });
        assert_eq!(settled.await.verdict, Verdict::Fail);
        assert_eq!(lags.count(), 1);
    }

    #[tokio::test]
    async fn what_blocks_while_the_machine_stalls_is_looked_at_again_and_tells_nothing_of_others() {
        let blocked = |lag_ms| Played {
            lag_ms,
            ..Played::without_record(Verdict::Blocked, "no CONNECT to / came in time")
        };
        let mut lags = [300.0, 0.0].into_iter();
        let settled = settle(blocked(300.0), Doubt::Stalled(300.0), async || {
            let lag = lags.next().unwrap();
            if lag > 0.0 {
                blocked(lag)
            } else {
                played(Verdict::Pass, false, 0.0)
            }
        });
        assert_eq!(settled.await.verdict, Verdict::Pass);

        let mut confirmed = Confirmed::default();
        confirmed.note("client/a", &blocked(300.0));
        assert!(!confirmed.has("client/b", &blocked(0.0)));
        confirmed.note("client/a", &blocked(0.0));
        assert!(confirmed.has("client/b", &blocked(0.0)));
    }
}
