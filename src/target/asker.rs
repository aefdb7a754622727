//! A codec that is asked again and again: it is started anew where an input was too much for it, and that input is found.

use super::codec::{Batch, CodecInstance, CodecTarget};
use super::codec_driver::Reply;
use super::driver::DriverError;
use super::group::End;
use super::instance::StartError;
use crate::suite::Outcome;
use std::time::{Duration, Instant};

/// Asks a codec, which is started again where it was lost.
#[derive(Debug)]
pub struct Asker<'a> {
    target: &'a CodecTarget,
    instance: Option<CodecInstance>,
    restarts: u32,
    most_restarts: u32,
    patience: Option<Duration>,
}

/// What came of one input.
#[derive(Debug)]
pub struct Asked {
    /// Its outcomes, or what went wrong when it was asked about alone.
    pub outcomes: Result<Vec<Outcome>, DriverError>,
    /// How long it took; of inputs that were answered together each has an equal part.
    pub took: Duration,
}

impl<'a> Asker<'a> {
    /// Asks `instance`, and others of the same target after it, `most_restarts` at most. Without an instance the first one
    /// is started when it is needed.
    pub fn new(target: &'a CodecTarget, instance: Option<CodecInstance>, most_restarts: u32) -> Self {
        Self {
            target,
            instance,
            restarts: 0,
            most_restarts,
            patience: None,
        }
    }

    /// The same, where processes that are started from now on have so much time for an answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..self
        }
    }

    /// The outcomes of each input of a batch.
    ///
    /// # Errors
    /// Where no proper answer comes. The next batch is asked of a new process then, unless it is only `Unsupported`.
    pub async fn ask(&mut self, batch: &Batch) -> Result<Vec<Vec<Outcome>>, DriverError> {
        let mut instance = self.take().await?;
        let answer = instance.ask(batch).await;
        self.give_back(instance, answer.as_ref().err()).await;
        answer
    }

    /// The outcomes of each input of a batch, whatever becomes of the others: where the batch is not answered properly
    /// its inputs are asked about one by one.
    pub async fn ask_each(&mut self, batch: &Batch) -> Vec<Asked> {
        let before = Instant::now();
        if batch.inputs.is_empty() {
            return Vec::new();
        }
        match self.ask(batch).await {
            Ok(answers) => {
                let took = before.elapsed() / u32::try_from(batch.inputs.len()).unwrap_or(u32::MAX);
                let asked = |outcomes| Asked {
                    outcomes: Ok(outcomes),
                    took,
                };
                return answers.into_iter().map(asked).collect();
            }
            Err(error) if batch.inputs.len() == 1 => {
                return vec![Asked {
                    outcomes: Err(error),
                    took: before.elapsed(),
                }];
            }
            Err(_) => {}
        }
        let mut all = Vec::with_capacity(batch.inputs.len());
        for input in &batch.inputs {
            let before = Instant::now();
            let answer = self.ask(&batch.of(vec![input.clone()])).await;
            all.push(Asked {
                outcomes: answer.map(|mut answers| answers.pop().unwrap_or_default()),
                took: before.elapsed(),
            });
        }
        all
    }

    /// The process that is asked next, started if there is none.
    ///
    /// # Errors
    /// Where it cannot be started, or was started too often.
    pub async fn take(&mut self) -> Result<CodecInstance, DriverError> {
        if let Some(instance) = self.instance.take() {
            return Ok(instance);
        }
        if self.restarts >= self.most_restarts {
            let why = format!(
                "it was started again {} times, and that is enough",
                self.most_restarts
            );
            return Err(DriverError::Unsupported(why));
        }
        self.restarts += 1;
        let started = self.target.start().await.map_err(|error| match error {
            StartError::Driver { error, .. } => *error,
            other => DriverError::Unsupported(other.to_string()),
        })?;
        Ok(match self.patience {
            Some(patience) => started.with_patience(patience),
            None => started,
        })
    }

    /// Takes a process back after a request, which may have gone wrong.
    pub async fn give_back(&mut self, instance: CodecInstance, error: Option<&DriverError>) {
        match error {
            None | Some(DriverError::Unsupported(_)) => self.instance = Some(instance),
            Some(_) => instance.stop().await,
        }
    }

    /// Takes an answer back that is of no use any more, for the sake of its memory.
    pub fn reuse(&mut self, answer: Reply) {
        if let Some(instance) = &mut self.instance {
            instance.reuse(answer);
        }
    }

    /// How many bytes of memory the process uses that is asked next; it is started if there is none. 0 where it cannot be.
    pub async fn memory(&mut self) -> u64 {
        match self.take().await {
            Ok(instance) => {
                let used = instance.memory();
                self.instance = Some(instance);
                used
            }
            Err(_) => 0,
        }
    }

    /// How many bytes it may use.
    pub fn memory_limit(&self) -> u64 {
        self.target.memory_limit()
    }

    /// The end that the process which is asked next has earned where it uses more memory than it may.
    pub fn fullness(&self) -> Option<End> {
        let limit = self.target.memory_limit();
        let used = self.instance.as_ref().map_or(0, CodecInstance::memory);
        (used > limit).then_some(End::Memory { used, limit })
    }

    /// Asks the process to end, and waits until it is gone. The next batch is asked of a new one.
    pub async fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.stop().await;
        }
    }
}
