//! The campaign itself: rounds of inputs are given to the target and to the reference, and what differs is sorted into
//! classes. The next round is under way while the answers to the last one are judged.

use super::events::{CampaignEvent, CampaignListener, CampaignResult, Settings};
use super::finding::{Finding, Times, shown, table, vector_id};
use super::found::{Difference, lost};
use super::generate::{BATCH, Generator};
use super::input::Input;
use super::rounds::{Round, Rounds, rounds};
use super::search::{Search, Shown};
use super::verdicts::{Judged, Judging, Verdicts};
use crate::suite::{Codec, Level, Rules, Vector, fits_glob};
use crate::target::{Asked, Asker, Batch, CodecTarget, DriverError, End, FuzzEntry, StartError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

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
            started.reads_raw(),
        ),
        generator,
        asker: Asker::new(target, Some(started), RESTARTS),
        search: Search::new(target, settings.patience / 4, interrupted.clone()),
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
    rounds: Rounds,
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
        let mut judging: Option<Judging> = None;
        loop {
            let next = match again.take() {
                Some(round) => Some(round),
                None => self.round(began).await,
            };
            let asks = next.is_some() || sent.is_some();
            if !asks && judging.is_none() || *self.interrupted.borrow() {
                return;
            }
            let mut answer = Ok(None);
            if asks {
                let mut instance = match self.asker.take().await {
                    Ok(instance) => instance,
                    Err(error) => {
                        self.result.stopped = Some(error.to_string());
                        return;
                    }
                };
                let mut stop = self.interrupted.clone();
                answer = tokio::select! {
                    answer = instance.pass(next.as_ref().map(Round::request), sent.as_ref().map(|round| round.request().0)) => answer,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                self.asker.give_back(instance, answer.as_ref().err()).await;
            }
            // The round before was judged while this one was answered.
            let mut lives = match judging.take() {
                Some(judging) => self.take_in(judging.end().await).await,
                None => true,
            };
            match (answer, sent.take()) {
                (Ok(answer), Some(done)) => {
                    self.result.runs += done.runs();
                    let done = Arc::new(done);
                    judging = answer.map(|answer| Judging::start(done.clone(), answer));
                    if lives && self.is_full(next.is_none()) {
                        self.asker.stop().await;
                        lives = false;
                        self.blame_for_memory(&done).await;
                        self.since = done.end();
                    }
                }
                (Err(DriverError::Unsupported(_)), Some(done)) => {
                    self.result.runs += done.runs();
                    self.result.unsupported += done.runs();
                }
                (Err(error), Some(done)) => {
                    lives = false;
                    self.look_closer(&done, &error).await;
                    self.since = done.end();
                }
                (Ok(_), None) => {}
                // The request could not even be written: the process ended after its last answer.
                (Err(_), None) => lives = false,
            }
            match lives {
                true => sent = next,
                false => again = next,
            }
            let (runs, classes) = (self.result.runs, self.result.findings.len());
            (self.listener)(CampaignEvent::Progress { runs, classes });
        }
    }

    /// Takes in what came of a round. `false` where its answer was none, and the process is asked no more.
    async fn take_in(&mut self, judged: Judged) -> bool {
        let Judged {
            round,
            answer,
            verdicts,
        } = judged;
        let proper = match verdicts {
            Ok(verdicts) => {
                self.add_verdicts(&round, verdicts).await;
                self.asker.reuse(answer);
                true
            }
            Err(DriverError::Unsupported(_)) => {
                self.result.unsupported += round.runs();
                true
            }
            Err(error) => {
                self.asker.stop().await;
                // It counts again when its inputs are asked about one by one.
                self.result.runs -= round.runs();
                self.look_closer(&round, &error).await;
                self.since = round.end();
                false
            }
        };
        if let Ok(round) = Arc::try_unwrap(round) {
            self.rounds.give_back(round);
        }
        proper
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
        if over { None } else { self.rounds.next().await }
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

    /// Finds the input that a target did not answer.
    async fn look_closer(&mut self, round: &Round, error: &DriverError) {
        if matches!(
            error,
            DriverError::Ended {
                end: End::Memory { .. },
                ..
            }
        ) {
            self.result.runs += round.runs();
            return self.blame_for_memory(round).await;
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
                if self.is_new(&class, 1) {
                    self.add(round.first, Some(shown.clone()), 1, shown.difference);
                }
            }
            None => {
                let found = round.inputs.iter().next().map(|input| {
                    let class = format!("{}/{}/memory/together", input.codec.word(), input.direction());
                    let came = format!("the memory of the process came to its limit over {played} runs");
                    Difference {
                        class,
                        rule: "codec.sio.roundtrip.fuzz",
                        expected: "less".to_owned(),
                        came,
                    }
                });
                if let Some(difference) = found.filter(|found| self.is_new(&found.class, 1)) {
                    self.add(round.first, None, 1, difference);
                }
            }
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
