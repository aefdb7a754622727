//! Looking closer at an input, in a process of its own: the smallest input that shows a difference, and the one that
//! makes a process grow.

use super::conduct::batch_of;
use super::finding::Times;
use super::found::{Difference, lost};
use super::generate::BATCH;
use super::input::Input;
use super::judge::{Judgement, judge_outcomes};
use super::shrink::candidates;
use crate::suite::Outcome;
use crate::target::{Asked, Asker, Batch, CodecTarget, DriverError, End};
use std::time::Duration;
use tokio::sync::watch;

/// How often the driver is started again.
const RESTARTS: u32 = 10_000;
/// How many inputs are tried to make one smaller.
const MOST_TRIED: usize = 30_000;
/// How many of them may end the driver.
const MOST_CRASHES: usize = 200;
/// How many of them may keep it busy until its time is over.
const MOST_HANGS: usize = 16;
/// How many candidates are asked about together.
const TOGETHER: usize = 64;
/// How many inputs are tried to make one smaller that makes the process grow.
const MOST_GROWING: usize = 500;
/// How many inputs a search for one that does may be given altogether.
const MOST_GROWN: u64 = 4_000_000;

/// Looks closer at inputs.
pub(super) struct Search<'a> {
    asker: Asker<'a>,
    interrupted: watch::Receiver<bool>,
}

/// An input, and what it shows.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) input: Input,
    pub(super) difference: Difference,
    pub(super) reference: Vec<Outcome>,
    pub(super) times: Times,
}

impl<'a> Search<'a> {
    /// A search that starts the target when it is needed, and gives it so much time for an answer.
    pub(super) fn new(
        target: &'a CodecTarget,
        patience: Duration,
        interrupted: watch::Receiver<bool>,
    ) -> Self {
        Self {
            asker: Asker::new(target, None, RESTARTS).with_patience(patience),
            interrupted,
        }
    }

    pub(super) async fn ask_each(&mut self, batch: &Batch) -> Vec<Asked> {
        self.asker.ask_each(batch).await
    }

    pub(super) async fn stop(&mut self) {
        self.asker.stop().await;
    }

    /// The smallest input of the same class; `None` where not even this one shows it again.
    pub(super) async fn smallest(&mut self, input: &Input, class: &str) -> Option<Shown> {
        let mut best = self.first_of(class, std::slice::from_ref(input)).await?;
        let kind = class.split('/').nth(2).unwrap_or_default();
        let (together, mut lives) = match kind {
            "crash" | "broken" => (1, MOST_CRASHES),
            "hang" => (1, MOST_HANGS),
            _ => (TOGETHER, usize::MAX),
        };
        let mut tried = 0;
        'smaller: while tried < MOST_TRIED && lives > 0 {
            for some in candidates(&best.input).chunks(together) {
                if *self.interrupted.borrow() {
                    break 'smaller;
                }
                tried += some.len();
                if let Some(smaller) = self.first_of(class, some).await {
                    best = smaller;
                    lives -= 1;
                    continue 'smaller;
                }
            }
            break;
        }
        Some(best)
    }

    /// The first of these inputs that shows the class.
    async fn first_of(&mut self, class: &str, inputs: &[Input]) -> Option<Shown> {
        let batch = batch_of(inputs);
        let asked = self.asker.ask_each(&batch).await;
        for (input, asked) in inputs.iter().zip(asked) {
            let reference = input.by_reference();
            let difference = match &asked.outcomes {
                Ok(outcomes) => match judge_outcomes(input, &reference, outcomes) {
                    Judgement::Differs(found) if found.class() == class => {
                        Some(found.difference(&reference, outcomes))
                    }
                    _ => None,
                },
                Err(error) => lost(input, error),
            };
            if let Some(difference) = difference.filter(|found| found.class == class) {
                return Some(Shown {
                    input: input.clone(),
                    difference,
                    reference,
                    times: Times(1),
                });
            }
        }
        None
    }

    /// The smallest of these inputs that makes a new process grow beyond its limit. `played` inputs did it before.
    pub(super) async fn growing(&mut self, mut suspects: Vec<Input>, played: u64) -> Option<Shown> {
        let most = (played * 4).max(4 * BATCH);
        let mut spent = 0;
        self.times_until_full(&suspects, most, &mut spent).await?;
        while suspects.len() > 1 {
            let half = suspects.split_off(suspects.len() / 2);
            if self.times_until_full(&half, most, &mut spent).await.is_some() {
                suspects = half;
            } else {
                self.times_until_full(&suspects, most, &mut spent).await?;
            }
        }
        let mut input = suspects.pop()?;
        let times = self
            .times_until_full(std::slice::from_ref(&input), most, &mut spent)
            .await?;
        let (mut tried, mut used) = (0, u64::MAX);
        'smaller: while tried < MOST_GROWING {
            for candidate in candidates(&input) {
                if *self.interrupted.borrow() || tried >= MOST_GROWING {
                    break 'smaller;
                }
                tried += 1;
                if self.grows(&candidate, times.div_ceil(4), &mut used).await {
                    input = candidate;
                    continue 'smaller;
                }
            }
            break;
        }
        let reference = input.by_reference();
        let error = DriverError::Ended {
            end: End::Memory { used: 0, limit: 0 },
            tail: String::new(),
        };
        let difference = lost(&input, &error)?;
        let came = format!("the memory of the process came to its limit after {times} times");
        let times = Times(
            u32::try_from((times * 2).next_power_of_two())
                .unwrap_or(u32::MAX)
                .min(1 << 24),
        );
        Some(Shown {
            difference: Difference { came, ..difference },
            input,
            reference,
            times,
        })
    }

    /// Whether a process grows by an eighth of what it may use when it is given an input so often. `used` is what it uses
    /// already.
    async fn grows(&mut self, input: &Input, times: u64, used: &mut u64) -> bool {
        let limit = self.asker.memory_limit();
        if *used > limit / 2 {
            self.asker.stop().await;
            *used = self.asker.memory().await;
        }
        let before = std::mem::replace(used, u64::MAX);
        let mut left = usize::try_from(times).unwrap_or(usize::MAX);
        while left > 0 {
            let many = left.min(BATCH as usize);
            left -= many;
            let batch = batch_of(&vec![input.clone(); many]);
            match self.asker.ask(&batch).await {
                Err(DriverError::Ended {
                    end: End::Memory { .. },
                    ..
                }) => return true,
                Err(DriverError::Unsupported(_)) | Ok(_) => {}
                Err(_) => return false,
            }
        }
        *used = self.asker.memory().await;
        used.saturating_sub(before) > limit / 8
    }

    /// How many inputs it takes until a new process has used up its memory; `None` where `most` do not do it.
    async fn times_until_full(&mut self, inputs: &[Input], most: u64, spent: &mut u64) -> Option<u64> {
        self.asker.stop().await;
        let mut asked = 0;
        while asked < most && *spent < MOST_GROWN && !*self.interrupted.borrow() {
            // Inputs of one kind can be asked about together; a single one is asked about many times at once.
            let mut rest = inputs;
            while let Some(first) = rest.first() {
                let same =
                    |input: &&Input| input.codec == first.codec && input.is_encoded() == first.is_encoded();
                let count = rest.iter().take_while(same).count();
                let mut batch = batch_of(&rest[..count]);
                rest = &rest[count..];
                while inputs.len() == 1 && batch.inputs.len() < BATCH as usize {
                    batch.inputs.extend(batch.inputs.first().cloned());
                }
                asked += batch.inputs.len() as u64;
                *spent += batch.inputs.len() as u64;
                match self.asker.ask(&batch).await {
                    Err(DriverError::Ended {
                        end: End::Memory { .. },
                        ..
                    }) => return Some(asked),
                    Err(DriverError::Unsupported(_)) | Ok(_) => {}
                    Err(_) => return None,
                }
                if self.asker.fullness().is_some() {
                    self.asker.stop().await;
                    return Some(asked);
                }
            }
        }
        None
    }
}
