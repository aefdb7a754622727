//! The campaign itself: rounds of inputs are given to the target and to the reference, and what differs is sorted into
//! classes. The next round is under way while the answers to the last one are judged.

use super::events::{CampaignEvent, CampaignListener, CampaignResult, Settings};
use super::finding::{Finding, Times, shown, table, vector_id};
use super::generate::{BATCH, Generator};
use super::input::Input;
use super::judge::{Difference, Judgement, judge, lost};
use super::rounds::{Round, Suspects, rounds};
use super::search::{Search, Shown};
use crate::suite::{Codec, Level, Rules, Vector, fits_glob};
use crate::target::{
    Asked, Asker, Batch, CodecInstance, CodecTarget, DriverError, End, FuzzEntry, StartError,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often a driver is started again in one campaign.
const RESTARTS: u32 = 10_000;
/// How often the memory of the target is looked at, which takes some milliseconds.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// Fuzzes a target.
///
/// # Errors
/// Where it cannot be started at all.
pub async fn fuzz_codec(
    target: &CodecTarget,
    rules: &Rules,
    vectors: &[Arc<Vector>],
    settings: &Settings,
    interrupted: watch::Receiver<bool>,
    listener: CampaignListener<'_>,
) -> Result<CampaignResult, StartError> {
    let began = Instant::now();
    let mut stop = interrupted.clone();
    let started = tokio::select! {
        instance = target.start() => instance?,
        _ = stop.wait_for(|stop| *stop) => {
            return Ok(CampaignResult { target: target.info().clone(), interrupted: true, ..CampaignResult::default() });
        }
    };
    let has = |codec: &Codec| started.drives(*codec);
    let codecs: Vec<Codec> = settings.codecs.iter().copied().filter(has).collect();
    let info = started.info(target);
    listener(CampaignEvent::Started {
        target: &info,
        codecs: &codecs,
    });
    let generator = Arc::new(Generator::new(settings.seed, vectors, &codecs));
    let mut campaign = Campaign {
        rules,
        settings,
        known: target.fuzz(),
        rounds: rounds(
            generator.clone(),
            if codecs.is_empty() { Some(0) } else { settings.runs },
        ),
        generator,
        reference: CodecTarget::builtin().start().await?,
        asker: Asker::new(target, Some(started), RESTARTS),
        search: Search::new(target, settings.patience / 4, interrupted.clone()).await?,
        since: 0,
        searching: Duration::ZERO,
        looked_at: began,
        interrupted,
        listener,
        result: CampaignResult {
            target: info,
            ..CampaignResult::default()
        },
    };
    if !codecs.is_empty() {
        campaign.play(began).await;
    }
    campaign.asker.stop().await;
    campaign.search.stop().await;
    let Campaign {
        mut result,
        searching,
        interrupted,
        ..
    } = campaign;
    let listed = target.fuzz().iter().map(|entry| &entry.class);
    let unseen = listed.filter(|class| !result.findings.iter().any(|found| fits_glob(class, &found.class)));
    result.unseen = unseen.cloned().collect();
    result.interrupted = *interrupted.borrow();
    result.elapsed = began.elapsed();
    result.fuzzing = result.elapsed.saturating_sub(searching);
    Ok(result)
}

struct Campaign<'a> {
    rules: &'a Rules,
    settings: &'a Settings,
    known: &'a [FuzzEntry],
    generator: Arc<Generator>,
    rounds: mpsc::Receiver<Round>,
    reference: CodecInstance,
    asker: Asker<'a>,
    search: Search<'a>,
    /// The run since which the process that is asked now has been there.
    since: u64,
    searching: Duration,
    looked_at: Instant,
    interrupted: watch::Receiver<bool>,
    listener: CampaignListener<'a>,
    result: CampaignResult,
}

impl Campaign<'_> {
    async fn play(&mut self, began: Instant) {
        let mut again: Option<Round> = None;
        let mut sent: Option<Round> = None;
        loop {
            let next = match again.take() {
                Some(round) => Some(round),
                None => self.round(began).await,
            };
            if next.is_none() && sent.is_none() || *self.interrupted.borrow() {
                return;
            }
            let mut instance = match self.asker.take().await {
                Ok(instance) => instance,
                Err(error) => {
                    self.result.stopped = Some(error.to_string());
                    return;
                }
            };
            let mut stop = self.interrupted.clone();
            let answer = tokio::select! {
                answer = instance.pass(next.as_ref().map(|round| &round.request), sent.as_ref().map(|round| &round.request)) => answer,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let suspects = match (&answer, &sent) {
                (Ok(Some(answer)), Some(done)) => done.suspects(answer),
                _ => Ok(Vec::new()),
            };
            let suspects = answer.and(suspects);
            self.asker.give_back(instance, suspects.as_ref().err()).await;
            match (suspects, sent.take()) {
                (Ok(suspects), done) => {
                    sent = next;
                    if let Some(done) = done {
                        self.result.runs += done.inputs.len() as u64;
                        self.judge_all(suspects).await;
                        if self.is_full(sent.is_none()) {
                            self.asker.stop().await;
                            again = sent.take();
                            self.blame_for_memory(&done).await;
                            self.since = done.end();
                        }
                    }
                }
                (Err(DriverError::Unsupported(_)), Some(done)) => {
                    sent = next;
                    self.result.runs += done.inputs.len() as u64;
                }
                (Err(error), Some(done)) => {
                    again = next;
                    self.look_closer(&done, &error).await;
                    self.since = done.end();
                }
                // The request could not even be written: the process ended after its last answer.
                (Err(_), None) => again = next,
            }
            let (runs, classes) = (self.result.runs, self.result.findings.len());
            (self.listener)(CampaignEvent::Progress { runs, classes });
        }
    }

    /// Whether the target uses too much memory; it is not looked at after every round, but after the last one.
    fn is_full(&mut self, last: bool) -> bool {
        if !last && self.looked_at.elapsed() < LOOK_PERIOD {
            return false;
        }
        self.looked_at = Instant::now();
        self.asker.fullness().is_some()
    }

    /// The next round, unless the campaign has gone on for long enough.
    async fn round(&mut self, began: Instant) -> Option<Round> {
        let over = self.settings.time.is_some_and(|time| began.elapsed() >= time);
        if over { None } else { self.rounds.recv().await }
    }

    async fn judge_all(&mut self, suspects: Suspects) {
        let inputs: Vec<Input> = suspects.iter().map(|(_, input, _)| input.clone()).collect();
        let reference = self.reference.ask(&batch_of(&inputs)).await.unwrap_or_default();
        for ((run, input, outcomes), reference) in suspects.iter().zip(&reference) {
            match judge(input, reference, outcomes) {
                Judgement::Same | Judgement::Unsupported => {}
                Judgement::Free(name) => *self.result.freedoms.entry(name).or_default() += 1,
                Judgement::Differs(difference) => self.record(*run, input, difference).await,
            }
        }
    }

    /// Finds the input that a target did not answer.
    async fn look_closer(&mut self, round: &Round, error: &DriverError) {
        if matches!(
            error,
            DriverError::Ended {
                end: End::Memory { .. },
                ..
            }
        ) {
            self.result.runs += round.inputs.len() as u64;
            return self.blame_for_memory(round).await;
        }
        let before = Instant::now();
        let asked: Vec<Asked> = self.search.ask_each(&batch_of(&round.inputs)).await;
        self.searching += before.elapsed();
        self.result.runs += round.inputs.len() as u64;
        let mut blamed = false;
        for ((run, input), asked) in (round.first..).zip(&round.inputs).zip(asked) {
            match asked.outcomes {
                Ok(outcomes) => self.judge_all(vec![(run, input.clone(), outcomes)]).await,
                Err(error) => {
                    if let Some(difference) = lost(input, &error) {
                        blamed = true;
                        self.record(run, input, difference).await;
                    }
                }
            }
        }
        // Slowness alone is no finding: a machine that is busy with other things does that.
        let slow = matches!(error, DriverError::Silent { .. });
        let together = round.inputs.first().and_then(|input| lost(input, error));
        if let (false, false, Some(difference)) = (blamed, slow, together) {
            let class = format!("{}/together", difference.class);
            if !self.is_new(&class) {
                return;
            }
            self.add(round.first, None, Difference { class, ..difference });
        }
    }

    /// Finds an input that makes the process grow.
    async fn blame_for_memory(&mut self, round: &Round) {
        let seen = self
            .result
            .findings
            .iter_mut()
            .find(|found| found.class.contains("/memory"));
        if let Some(seen) = seen {
            seen.seen += 1;
            return;
        }
        let before = Instant::now();
        let end = round.end();
        let played = end - self.since;
        let suspects = self
            .generator
            .inputs(end.saturating_sub(played.min(16 * BATCH)), played.min(16 * BATCH));
        let grown = self.search.growing(suspects, played).await;
        self.searching += before.elapsed();
        match grown {
            Some(shown) => {
                let class = shown.difference.class.clone();
                if self.is_new(&class) {
                    self.add(round.first, Some(shown.clone()), shown.difference);
                }
            }
            None => {
                let found = round.inputs.first().map(|input| {
                    let class = format!("{}/{}/memory/together", input.codec.word(), input.direction());
                    let came = format!("the memory of the process came to its limit over {played} runs");
                    Difference {
                        class,
                        rule: "codec.sio.roundtrip.fuzz",
                        expected: "less".to_owned(),
                        came,
                    }
                });
                if let Some(difference) = found.filter(|found| self.is_new(&found.class)) {
                    self.add(round.first, None, difference);
                }
            }
        }
    }

    /// Counts a class; `true` where it was not seen before.
    fn is_new(&mut self, class: &str) -> bool {
        match self.result.findings.iter_mut().find(|found| found.class == class) {
            Some(found) => {
                found.seen += 1;
                false
            }
            None => true,
        }
    }

    async fn record(&mut self, run: u64, input: &Input, difference: Difference) {
        let level = self
            .rules
            .get(difference.rule)
            .map_or(Level::Reference, |rule| rule.level);
        if matches!(level, Level::May | Level::Informational) {
            *self.result.freedoms.entry("open-rule").or_default() += 1;
            return;
        }
        if !self.is_new(&difference.class) {
            return;
        }
        if self
            .known
            .iter()
            .any(|entry| fits_glob(&entry.class, &difference.class))
        {
            let shown = Shown {
                input: input.clone(),
                difference,
                reference: Vec::new(),
                times: Times(1),
            };
            return self.add(run, Some(shown.clone()), shown.difference);
        }
        (self.listener)(CampaignEvent::Shrinking(&difference.class));
        let before = Instant::now();
        let shown = self.search.smallest(input, &difference).await;
        self.searching += before.elapsed();
        match shown {
            Some(shown) => self.add(run, Some(shown.clone()), shown.difference),
            None => {
                let came = format!("{} (but not when it was asked again)", difference.came);
                let class = format!("{}/unstable", difference.class);
                if self.is_new(&class) {
                    self.add(
                        run,
                        None,
                        Difference {
                            class,
                            came,
                            ..difference
                        },
                    );
                }
            }
        }
    }

    /// Takes in a class that was not seen before.
    fn add(&mut self, run: u64, shown: Option<Shown>, difference: Difference) {
        let level = self
            .rules
            .get(difference.rule)
            .map_or(Level::Reference, |rule| rule.level);
        let known = self
            .known
            .iter()
            .find(|entry| fits_glob(&entry.class, &difference.class));
        let mut parts = difference.class.split('/');
        let codec = parts.next().unwrap_or_default();
        let survived = !matches!(parts.nth(1), Some("crash" | "hang" | "memory" | "broken"));
        let note = format!("siospec fuzz codec --seed {}, run {run}", self.settings.seed);
        let vector = shown
            .as_ref()
            .filter(|_| known.is_none())
            .map(|shown| table(&shown.input, &difference, &shown.reference, shown.times, &note));
        let finding = Finding {
            codec: Codec::ALL
                .into_iter()
                .find(|known| known.word() == codec)
                .unwrap_or(Codec::SocketPacket),
            rule: difference.rule.to_owned(),
            level,
            fails: !survived || level.is_binding() || self.settings.strict,
            run,
            seen: 1,
            expected: difference.expected,
            came: difference.came,
            input: shown.as_ref().map(shown_input).unwrap_or_default(),
            known: known.map(|entry| entry.why.clone()),
            vector_id: vector_id(&difference.class),
            vector,
            class: difference.class,
        };
        (self.listener)(CampaignEvent::Found(&finding));
        self.result.findings.push(finding);
    }
}

fn shown_input(found: &Shown) -> String {
    shown(&found.input)
}

/// A batch of inputs of one kind.
pub(super) fn batch_of(inputs: &[Input]) -> Batch {
    let first = inputs.first();
    Batch {
        codec: first.map_or(Codec::SocketPacket, |input| input.codec),
        encode: first.is_some_and(Input::is_encoded),
        without_data: false,
        repeat: 1,
        inputs: inputs.iter().map(Input::to_json).collect(),
    }
}
