//! Which trials are played again alone before their verdict stands, and what comes out of both.

use super::hindrance::{closed_by_target, flooded, pong_may_be_late, slowness, waited};
use super::verdict::Played;
use crate::outcome::Verdict;

/// Lag of the runner below this many milliseconds does not excuse a missed time.
const EXCUSING_LAG_MS: f64 = 10.0;
/// Above this many, the runner may have done anything too late that comes in the middle of a trial.
const DISTURBING_LAG_MS: f64 = 50.0;
/// Up to this many, or up to this part of the time that was waited, a time that is missed alone is missed by the target:
/// deadlines have moved by the lag already.
const BLAMED_LAG_MS: f64 = 100.0;
const BLAMED_SHARE: f64 = 0.1;
/// The same where nothing came at all, and nobody is accused of more than lenience.
const SILENCE_SHARE: f64 = 0.5;
/// How often a timed check is played alone while the machine stalls the runner: one that may fail the gate, and one that
/// would be lenient at worst.
const STALLED_REPEATS: u32 = 12;
const LENIENT_REPEATS: u32 = 2;

/// Why a trial is played again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doubt {
    /// It failed while the runner itself was held up for this many milliseconds, which may be the reason.
    Stalled(f64),
    /// It missed a time, or the target ended a session, while the target let what it could answer at once wait for this many
    /// milliseconds: it hardly got to run.
    Slow(f64),
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
            Self::Slow(ms) => format!("the target took {ms:.0} ms to answer meanwhile"),
            Self::Company => "it failed while other trials were played beside it".to_owned(),
            Self::Hazards => "it failed while other hazards were played beside it".to_owned(),
            Self::Listed => "it is listed as a known failure, and passed".to_owned(),
        }
    }
}

/// Whether the verdict of a trial may stand.
pub(super) fn doubt(played: &Played) -> Option<Doubt> {
    if !failed(played) {
        return passes_by_lag(played).then_some(Doubt::Stalled(played.lag_ms));
    }
    if flooded(&played.record) {
        return None;
    }
    let is_timed = played.failure.as_ref().is_some_and(|failure| failure.timed) || waited(&played.record);
    let excusing = if is_timed {
        EXCUSING_LAG_MS
    } else {
        DISTURBING_LAG_MS
    };
    if stalled(played) || played.lag_ms > excusing {
        return Some(Doubt::Stalled(played.lag_ms));
    }
    let hangs_on_time = is_timed || played.verdict == Verdict::Blocked || closed_by_target(&played.record);
    let slowness = slowness(&played.record);
    Some(if hangs_on_time && slowness > excusing {
        Doubt::Slow(slowness)
    } else {
        Doubt::Company
    })
}

/// Whether it may have passed, or taken a tolerated alternative, for the machine's sake: a pong that the runner sent too late
/// closes a connection as well as a broken rule does.
pub(super) fn passes_by_lag(played: &Played) -> bool {
    !failed(played) && pong_may_be_late(&played.record) && closed_by_target(&played.record)
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

/// Whether what came of a trial in small company may stand.
pub(super) fn stands_in_small_company(played: &Played) -> bool {
    matches!(played.verdict, Verdict::Pass | Verdict::Lenient) && !hopeless(played) && !passes_by_lag(played)
}

/// Whether what would be lenient needs no second look, as the first one was in small company already: nothing came for a
/// long time, and the target answered soon all the same. What comes too early or too late may do so for the player's sake.
pub(super) fn stands_at_once(played: &Played) -> bool {
    let nothing_came = played
        .failure
        .as_ref()
        .is_some_and(|failure| failure.entry.is_none());
    let slowest_ms = slowness(&played.record).max(played.answered_ms);
    let may_stand = played.verdict == Verdict::Lenient && stands_in_small_company(played);
    may_stand && nothing_came && slowest_ms <= BLAMED_LAG_MS
}

/// Plays alone what is in doubt, again and again while the machine stalls, and says what both come to.
pub(super) async fn settle(first: Played, doubt: Doubt, mut play: impl AsyncFnMut() -> Played) -> Played {
    let mut alone = play().await;
    // What accuses nobody is not worth many.
    let may_be_lenient = alone.verdict == Verdict::Lenient && !pong_may_be_late(&alone.record);
    let repeats = if may_be_lenient || alone.verdict == Verdict::Pass && doubt != Doubt::Listed {
        LENIENT_REPEATS
    } else {
        STALLED_REPEATS
    };
    for _ in 1..repeats {
        if !hopeless(&alone) && !blocked_by_lag(&alone) && !passes_by_lag(&alone) {
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
    let tells_little = stalled(&again) || passes_by_lag(&again);
    if tells_little && again.lag_ms > before.lag_ms {
        before
    } else {
        again
    }
}

/// Whether a precondition may not have held for the machine's sake: nothing is told by that, also not of other trials.
pub(super) fn blocked_by_lag(played: &Played) -> bool {
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
        blamed: Some(played.verdict),
        ..played
    }
}

/// What was listed as a known failure, and came out while the machine stalled: a failure that is the `excused` one accuses
/// nobody of anything new, and a pass that the machine may have made does not say that the list is wrong.
pub(super) fn expected(played: Played, excused: bool) -> Played {
    match played.blamed {
        Some(verdict) if excused => Played { verdict, ..played },
        None if played.verdict == Verdict::Pass && passes_by_lag(&played) => {
            let message = format!(
                "the machine held siospec up for {:.0} ms, so this cannot be told: it is listed as a known failure, and passes",
                played.lag_ms
            );
            Played {
                verdict: Verdict::Broken,
                message,
                ..played
            }
        }
        _ => played,
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
            Doubt::Stalled(_) | Doubt::Slow(_) | Doubt::Hazards | Doubt::Listed => alone,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;
    use crate::transcript::{Closed, Entry, Event, Side, Transcript};
    use std::time::Instant;

    fn entry(at: f64, event: Event) -> Entry {
        Entry {
            at,
            label: String::new(),
            event,
            cause: None,
        }
    }

    fn record(entries: impl IntoIterator<Item = (f64, Event)>) -> Transcript {
        Transcript {
            entries: entries.into_iter().map(|(at, event)| entry(at, event)).collect(),
            ..Transcript::default()
        }
    }

    fn end(by: Side, how: &str) -> Event {
        Event::Closed(Closed {
            by,
            how: how.to_owned(),
            code: None,
        })
    }

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
            let lags = lags.iter().map(|(at, ms)| (*at, Event::Lag(*ms)));
            Played {
                record: record(lags.chain([(9_000.0, end(Side::Target, "reset"))])),
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
        let closed = |how: &str| Played {
            record: record([(50.0, Event::Lag(400.0)), (50.0, end(Side::Player, how))]),
            ..played(Verdict::Fail, false, 400.0)
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
    fn a_target_that_hardly_gets_to_run_is_doubted_where_times_matter() {
        let opened_at = |at| Played {
            record: record([(at, end(Side::Target, "the handshake failed"))]),
            ..Played::without_record(Verdict::Blocked, "no session")
        };
        assert_eq!(doubt(&opened_at(757.0)), Some(Doubt::Slow(757.0)));
        assert_eq!(doubt(&opened_at(12.0)), Some(Doubt::Company));
        let waits = |after: &str| Played {
            record: record([
                (20.0, end(Side::Player, "x")),
                (90.0, Event::Did(after.to_owned())),
            ]),
            ..played(Verdict::Fail, false, 0.0)
        };
        assert_eq!(doubt(&waits("wait 70ms")), Some(Doubt::Slow(20.0)));
        assert_eq!(doubt(&waits("stall")), Some(Doubt::Company));
        let lagged = Played {
            lag_ms: 11.0,
            ..waits("wait 70ms")
        };
        assert_eq!(doubt(&lagged), Some(Doubt::Stalled(11.0)));
    }

    #[test]
    fn what_is_lenient_in_small_company_stands_where_the_target_answers_soon() {
        let lenient = |answered_ms| Played {
            answered_ms,
            ..played(Verdict::Lenient, true, 30.0)
        };
        assert!(stands_at_once(&lenient(5.0)));
        assert!(!stands_at_once(&lenient(150.0)));
        let opened_late = Played {
            record: record([(150.0, end(Side::Player, "x"))]),
            ..lenient(5.0)
        };
        assert!(!stands_at_once(&opened_late));
        let mut came_early = lenient(5.0);
        came_early.failure.as_mut().unwrap().entry = Some(0);
        assert!(!stands_at_once(&came_early));
        assert!(!stands_at_once(&played(Verdict::Lenient, true, 300.0)));
        assert!(!stands_at_once(&played(Verdict::Fail, true, 0.0)));
    }

    #[tokio::test]
    async fn a_known_failure_is_told_by_a_calm_moment_or_stays_what_it_is() {
        let by_lag = || Played {
            record: record([
                (500.0, Event::Lag(90.0)),
                (510.0, Event::Lag(90.0)),
                (520.0, end(Side::Target, "reset")),
            ]),
            ..played(Verdict::Pass, false, 180.0)
        };
        let mut again = [by_lag(), by_lag(), played(Verdict::Fail, true, 0.0)].into_iter();
        let settled = settle(by_lag(), Doubt::Listed, async || again.next().unwrap()).await;
        assert_eq!(settled.verdict, Verdict::Fail);
        let never_calm = settle(by_lag(), Doubt::Listed, async || by_lag()).await;
        assert_eq!(expected(never_calm.clone(), false).verdict, Verdict::Broken);
        let passes = expected(played(Verdict::Pass, false, 180.0), false);
        assert_eq!(passes.verdict, Verdict::Pass);

        let blamed = unsettled(played(Verdict::Fail, true, 400.0));
        assert_eq!(blamed.verdict, Verdict::Broken);
        assert_eq!(expected(blamed.clone(), true).verdict, Verdict::Fail);
        assert_eq!(expected(blamed, false).verdict, Verdict::Broken);
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
    fn what_is_not_played_again_is_not_blamed_on_the_target_for_a_missed_time() {
        assert_eq!(
            unsettled(played(Verdict::Fail, true, 400.0)).verdict,
            Verdict::Broken
        );
        assert_eq!(
            unsettled(played(Verdict::Fail, false, 400.0)).verdict,
            Verdict::Fail
        );
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
    async fn what_blocks_while_the_machine_stalls_is_looked_at_again() {
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
    }
}
