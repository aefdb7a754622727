//! The campaign itself: rounds of inputs are given to the target and to the reference, and what differs is sorted into
//! classes. The next round is under way while the answers to the last one are judged.

use super::events::{CampaignEvent, CampaignListener, CampaignResult, Settings};
use super::finding::{Finding, Times, shown, table, vector_id};
use super::flow::{Came, Flow};
use super::found::{Difference, lost};
use super::generate::{BATCH, Generator};
use super::input::Input;
use super::rounds::Round;
use super::search::{Search, Shown};
use super::verdicts::{Judged, Verdicts};
use crate::suite::{Codec, Level, Rules, Vector, fits_glob};
use crate::target::{Asked, Asker, Batch, CodecTarget, DriverError, End, FuzzEntry, StartError};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often a driver is started again in one campaign.
const RESTARTS: u32 = 10_000;

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
        generator: generator.clone(),
        search: Search::new(target, settings.patience / 4, interrupted.clone()),
        searching: Duration::ZERO,
        interrupted,
        listener,
        result: CampaignResult {
            target: info,
            ..CampaignResult::default()
        },
    };
    let runs = if codecs.is_empty() { Some(0) } else { settings.runs };
    let until = settings.time.map(|time| began + time);
    let raw = started.reads_raw();
    let asker = Asker::new(target, Some(started), RESTARTS);
    campaign.play(Flow::new(asker, generator, runs, until, raw)).await;
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
    search: Search<'a>,
    searching: Duration,
    interrupted: watch::Receiver<bool>,
    listener: CampaignListener<'a>,
    result: CampaignResult,
}

impl Campaign<'_> {
    async fn play(&mut self, mut flow: Flow<'_>) {
        let mut interrupted = self.interrupted.clone();
        loop {
            let came = tokio::select! {
                biased;
                _ = interrupted.wait_for(|stop| *stop) => break,
                came = flow.next() => came,
            };
            match came {
                None => break,
                Some(Came::Stopped(error)) => {
                    self.result.stopped = Some(error.to_string());
                    break;
                }
                Some(Came::Judged(judged)) => self.take_in(judged, &mut flow).await,
                Some(Came::Lost(round, error, asked)) => self.look_closer(&round, &error, asked).await,
                Some(Came::Full(asked)) => self.blame_for_memory(asked).await,
                Some(Came::Nothing) => {}
            }
            let (runs, classes) = (self.result.runs, self.result.findings.len());
            (self.listener)(CampaignEvent::Progress { runs, classes });
        }
        flow.stop().await;
    }

    async fn take_in(&mut self, judged: Judged, flow: &mut Flow<'_>) {
        let Judged {
            round,
            answer,
            verdicts,
        } = judged;
        match verdicts {
            Ok(verdicts) => {
                self.result.runs += round.runs();
                self.add_verdicts(&round, verdicts).await;
            }
            Err(DriverError::Unsupported(_)) => {
                self.result.runs += round.runs();
                self.result.unsupported += round.runs();
            }
            Err(error) => {
                flow.distrust().await;
                self.look_closer(&round, &error, 0..0).await;
            }
        }
        flow.give_back(round, answer);
    }

    async fn add_verdicts(&mut self, round: &Round, verdicts: Verdicts) {
        for (name, times) in verdicts.freedoms {
            *self.result.freedoms.entry(name).or_default() += times;
        }
        for sighting in verdicts.sightings {
            let run = round.first + sighting.index as u64;
            let input = &round.inputs.get(sighting.index);
            if self.is_news(&sighting.class, sighting.found.rule, sighting.times) {
                self.look_into(run, input, sighting.difference(input), sighting.times)
                    .await;
            }
        }
    }

    /// Finds the input that a target did not answer, which was asked about these runs.
    async fn look_closer(&mut self, round: &Round, error: &DriverError, asked: Range<u64>) {
        if matches!(
            error,
            DriverError::Ended {
                end: End::Memory { .. },
                ..
            }
        ) {
            self.result.runs += round.runs();
            return self.blame_for_memory(asked).await;
        }
        let before = Instant::now();
        let inputs: Vec<Input> = round.inputs.iter().collect();
        let asked: Vec<Asked> = self.search.ask_each(&batch_of(&inputs)).await;
        self.searching += before.elapsed();
        self.result.runs += round.runs();
        let mut blamed = false;
        for ((index, input), asked) in inputs.iter().enumerate().zip(asked) {
            match asked.outcomes {
                Ok(outcomes) => {
                    let verdicts = Verdicts::of(round, index, outcomes);
                    self.add_verdicts(round, verdicts).await;
                }
                Err(error) => {
                    if let Some(difference) = lost(input, &error) {
                        blamed = true;
                        if self.is_news(&difference.class, difference.rule, 1) {
                            self.look_into(round.first + index as u64, input, difference, 1)
                                .await;
                        }
                    }
                }
            }
        }
        // Slowness alone is no finding: a machine that is busy with other things does that.
        let slow = matches!(error, DriverError::Silent { .. });
        let together = inputs.first().and_then(|input| lost(input, error));
        if let (false, false, Some(difference)) = (blamed, slow, together) {
            let class = format!("{}/together", difference.class);
            if !self.is_new(&class, 1) {
                return;
            }
            self.add(round.first, None, 1, Difference { class, ..difference });
        }
    }

    /// Finds an input that makes the process grow, among the last of these runs.
    async fn blame_for_memory(&mut self, asked: Range<u64>) {
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
        let played = asked.end - asked.start;
        let last = played.min(16 * BATCH);
        let suspects = self.generator.inputs(asked.end - last, last);
        let run = asked.end.saturating_sub(1) / BATCH * BATCH;
        let first = suspects.first().cloned();
        let grown = self.search.growing(suspects, played).await;
        self.searching += before.elapsed();
        match (grown, first) {
            (Some(shown), _) => {
                let class = shown.difference.class.clone();
                if self.is_new(&class, 1) {
                    self.add(run, Some(shown.clone()), 1, shown.difference);
                }
            }
            (None, Some(first)) => {
                let class = format!("{}/{}/memory/together", first.codec.word(), first.direction());
                if self.is_new(&class, 1) {
                    let came = format!("the memory of the process came to its limit over {played} runs");
                    let difference = Difference {
                        class,
                        rule: "codec.sio.roundtrip.fuzz",
                        expected: "less".to_owned(),
                        came,
                    };
                    self.add(run, None, 1, difference);
                }
            }
            (None, None) => {}
        }
    }

    /// Counts a class, so many times; `true` where it was not seen before.
    fn is_new(&mut self, class: &str, times: u64) -> bool {
        match self.result.findings.iter_mut().find(|found| found.class == class) {
            Some(found) => {
                found.seen += times;
                false
            }
            None => true,
        }
    }

    /// Counts a difference that so many inputs showed; `true` where it is a class that was not seen before.
    fn is_news(&mut self, class: &str, rule: &str, times: u64) -> bool {
        let level = self.rules.get(rule).map_or(Level::Reference, |rule| rule.level);
        if matches!(level, Level::May | Level::Informational) {
            *self.result.freedoms.entry("open-rule").or_default() += times;
            return false;
        }
        self.is_new(class, times)
    }

    /// Takes in the first difference of a class, which so many inputs showed, first this one.
    async fn look_into(&mut self, run: u64, input: &Input, difference: Difference, times: u64) {
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
            return self.add(run, Some(shown.clone()), times, shown.difference);
        }
        (self.listener)(CampaignEvent::Shrinking(&difference.class));
        let before = Instant::now();
        let shown = self.search.smallest(input, &difference.class).await;
        self.searching += before.elapsed();
        match shown {
            Some(shown) => self.add(run, Some(shown.clone()), times, shown.difference),
            None => {
                let came = format!("{} (but not when it was asked again)", difference.came);
                let class = format!("{}/unstable", difference.class);
                if self.is_new(&class, times) {
                    self.add(
                        run,
                        None,
                        times,
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

    /// Takes in a class that was not seen before, and now so many times.
    fn add(&mut self, run: u64, shown: Option<Shown>, seen: u64, difference: Difference) {
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
            seen,
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
