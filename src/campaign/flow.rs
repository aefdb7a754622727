//! Rounds on their way: made ahead of time, sent before the last ones are answered, and judged while others are, so that
//! neither the driver nor siospec waits for the other. What comes of them comes in their order, whatever was lost meanwhile.

use super::generate::Generator;
use super::rounds::{Round, Rounds, rounds};
use super::verdicts::{Judged, Judges};
use crate::target::{Asker, DriverError, Reply};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many rounds may be with the driver. A system lets a thread run for some milliseconds while others wait for it: so
/// much work must lie ready for each.
const MOST_SENT: usize = 8;
/// How many answers may wait to be judged.
const MOST_JUDGED: usize = 3;
/// Where an answer takes longer than this, one round ahead is enough, and more would only be late when time is over.
const QUICK: Duration = Duration::from_millis(5);
/// How often the memory of the target is looked at, which takes some milliseconds.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// The rounds of a campaign on their way.
pub(super) struct Flow<'a> {
    asker: Asker<'a>,
    rounds: Rounds,
    judges: Judges,
    /// When no further round is begun.
    until: Option<Instant>,
    /// Rounds that are to be sent, before any other.
    ready: VecDeque<Round>,
    /// Rounds that were sent and not answered yet.
    sent: VecDeque<Round>,
    most_sent: usize,
    answered: Instant,
    looked_at: Instant,
    /// The runs that the process was asked about.
    asked: Range<u64>,
    /// Why it is asked no more.
    lost: Option<Loss>,
}

#[derive(Debug)]
enum Loss {
    Full,
    Failed(DriverError),
}

/// What came of a round or of a process. The runs are those that the process was asked about.
#[derive(Debug)]
pub(super) enum Came {
    /// A round was judged.
    Judged(Judged),
    /// A round was not answered.
    Lost(Round, DriverError, Range<u64>),
    /// The process uses more memory than it may.
    Full(Range<u64>),
    /// The target cannot be started any more.
    Stopped(DriverError),
    /// Nothing yet.
    Nothing,
}

impl<'a> Flow<'a> {
    /// The rounds of a generator, as many as there are runs, or until it is late. With `raw` decoders are sent raw bytes.
    /// Must be called within a runtime.
    pub(super) fn new(
        asker: Asker<'a>,
        generator: Arc<Generator>,
        runs: Option<u64>,
        until: Option<Instant>,
        raw: bool,
    ) -> Self {
        Self {
            asker,
            rounds: rounds(generator, runs, raw),
            judges: Judges::default(),
            until,
            ready: VecDeque::new(),
            sent: VecDeque::new(),
            most_sent: 1,
            answered: Instant::now(),
            looked_at: Instant::now(),
            asked: 0..0,
            lost: None,
        }
    }

    /// What comes next; `None` where all rounds are through.
    pub(super) async fn next(&mut self) -> Option<Came> {
        let sends = self.lost.is_none() && self.sent.len() <= self.most_sent;
        if sends && self.ready.is_empty() && self.until.is_none_or(|until| Instant::now() < until) {
            self.ready.extend(self.rounds.next().await);
        }
        let is_over = self.lost.is_some() || self.ready.is_empty() && self.sent.is_empty();
        if self.judges.waiting() > if is_over { 0 } else { MOST_JUDGED } {
            return self.judges.next().await.map(Came::Judged);
        }
        match self.lost.take() {
            Some(loss) => Some(self.give_up(loss)),
            None if is_over => None,
            None => {
                let next = if sends { self.ready.pop_front() } else { None };
                Some(self.pass(next).await)
            }
        }
    }

    /// Sends a round, if there is one, and takes the oldest answer, where enough are outstanding.
    async fn pass(&mut self, next: Option<Round>) -> Came {
        let wanted = next.is_none() || self.sent.len() >= self.most_sent;
        let mut instance = match self.asker.take().await {
            Ok(instance) => instance,
            Err(error) => return Came::Stopped(error),
        };
        let oldest = self.sent.front().filter(|_| wanted);
        let asked = (
            next.as_ref().map(Round::request),
            oldest.map(|round| round.request().0),
        );
        let answer = instance.pass(asked.0, asked.1).await;
        self.asker.give_back(instance, answer.as_ref().err()).await;
        if let Some(next) = next {
            self.asked.end = next.end();
            self.sent.push_back(next);
        }
        match answer {
            Ok(Some(answer)) => {
                let is_quick = self.answered.elapsed() <= QUICK;
                self.most_sent = if is_quick { MOST_SENT } else { 1 };
                self.answered = Instant::now();
                if let Some(round) = self.sent.pop_front() {
                    self.judges.judge(round, answer);
                }
                if self.is_full().await {
                    self.lost = Some(Loss::Full);
                }
            }
            Ok(None) => {}
            Err(error) => self.lost = Some(Loss::Failed(error)),
        }
        Came::Nothing
    }

    /// Whether the process used too much memory and is stopped; it is not looked at after every round, but after the last
    /// one.
    async fn is_full(&mut self) -> bool {
        let is_last = self.sent.is_empty();
        if !is_last && self.looked_at.elapsed() < LOOK_PERIOD {
            return false;
        }
        self.looked_at = Instant::now();
        let is_full = self.asker.fullness().is_some();
        if is_full {
            self.asker.stop().await;
        }
        is_full
    }

    /// Leaves a process that is of no further use.
    fn give_up(&mut self, loss: Loss) -> Came {
        let asked = self.asked.clone();
        let came = match loss {
            Loss::Full => Came::Full(asked),
            Loss::Failed(error) => match self.sent.pop_front() {
                Some(round) => {
                    let asked = asked.start..round.end();
                    Came::Lost(round, error, asked)
                }
                None => Came::Nothing,
            },
        };
        self.begin_anew();
        came
    }

    /// Has what was not answered asked of another process.
    fn begin_anew(&mut self) {
        self.sent.append(&mut self.ready);
        std::mem::swap(&mut self.sent, &mut self.ready);
        let begin = self.ready.front().map_or(self.asked.end, |round| round.first);
        self.asked = begin..begin;
    }

    /// Leaves a process that gave no proper answer. What it said after it is not believed, but asked of another one.
    pub(super) async fn distrust(&mut self) {
        self.asker.stop().await;
        self.lost = None;
        let mut unbelieved = VecDeque::new();
        while let Some(judged) = self.judges.next().await {
            unbelieved.push_back(judged.round);
        }
        unbelieved.append(&mut self.sent);
        self.sent = unbelieved;
        self.begin_anew();
    }

    /// Gives back what was judged, so that its memory is used again.
    pub(super) fn give_back(&mut self, round: Round, answer: Reply) {
        self.asker.reuse(answer);
        self.rounds.give_back(round);
    }

    /// Ends the process, and waits until it is gone.
    pub(super) async fn stop(mut self) {
        self.asker.stop().await;
    }
}
