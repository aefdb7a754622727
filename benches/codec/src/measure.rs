//! Timing: rounds of a few milliseconds, taken in turns.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// How long a round takes, about.
const ROUND: Duration = Duration::from_millis(4);
/// How many rounds each contestant has.
const ROUNDS: usize = 60;

/// Something that is measured.
pub(crate) struct Contestant<'i> {
    name: &'static str,
    act: Box<dyn FnMut() + 'i>,
}

/// How long one go took in the best round.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    /// Whose.
    pub(crate) name: &'static str,
    /// In nanoseconds.
    pub(crate) nanos: f64,
}

impl<'i> Contestant<'i> {
    /// Measures `act`, whose result is not optimised away.
    pub(crate) fn new<T>(name: &'static str, mut act: impl FnMut() -> T + 'i) -> Self {
        Self {
            name,
            act: Box::new(move || {
                black_box(act());
            }),
        }
    }
}

/// Measures them, one round of each after the other.
pub(crate) fn best_rounds(contestants: &mut [Contestant<'_>]) -> Vec<Time> {
    let goes: Vec<u32> = contestants.iter_mut().map(goes_in_a_round).collect();
    let mut best = vec![f64::INFINITY; contestants.len()];
    for _ in 0..ROUNDS {
        for ((contestant, goes), best) in contestants.iter_mut().zip(&goes).zip(&mut best) {
            *best = best.min(round(contestant, *goes).as_secs_f64() * 1e9 / f64::from(*goes));
        }
    }
    let times = contestants.iter().zip(best);
    times
        .map(|(contestant, nanos)| Time {
            name: contestant.name,
            nanos,
        })
        .collect()
}

fn round(contestant: &mut Contestant<'_>, goes: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..goes {
        (contestant.act)();
    }
    start.elapsed()
}

fn goes_in_a_round(contestant: &mut Contestant<'_>) -> u32 {
    let mut goes = 1;
    while goes < 1 << 24 && round(contestant, goes) < ROUND {
        goes *= 2;
    }
    goes
}
