//! The running instances of the target: one for each variant, started again when they end.
//!
//! Owns restarting and its bounds. Which trial is to blame is found out in `alone`.

use super::plan::About;
use super::verdict::Played;
use crate::outcome::Verdict;
use crate::play::{LagMonitor, TrialContext, client_needs, every_need, play, probe};
use crate::suite::Trial;
use crate::target::{Instance, Loss, StartError, Target};
use crate::transcript::Transcript;
use crate::wire::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often targets are started again in one run, all variants together.
const RESTARTS: u32 = 100;
/// What it may cost that the target is lost again and again while no trial passes. One that ended costs little, one that
/// fell silent takes longer to notice; and a target that has passed a trial before is worth more than one that has not.
const LOSSES_IN_VAIN: u32 = 20;
const COST_OF_END: u32 = 2;
const COST_OF_SILENCE: u32 = 5;
const COST_OF_LATER_SILENCE: u32 = 1;
/// How long a target may take to answer before it counts as silent, asked twice; and the same for one that was lost
/// before, and has passed no trial since.
const PATIENCE: Duration = Duration::from_secs(5);
const LITTLE_PATIENCE: Duration = Duration::from_secs(2);
/// How many variants are started at the same time.
const STARTS_AT_ONCE: usize = 4;
/// How long a target that siospec did not start may take to recover.
const RECOVERY: Duration = Duration::from_secs(10);
/// The needs that are the server's and not the application's.
const TRANSPORTS: [&str; 3] = ["websocket", "polling", "upgrade"];
/// How many round trips are measured.
const ROUND_TRIPS: u32 = 5;
/// How long a trial may take to come to its end when the target is lost.
const LAST_ENTRIES: Duration = Duration::from_secs(2);

/// What every trial gets from the run.
#[derive(Clone, Debug)]
pub(super) struct Provision {
    /// How long a trial may take, besides the timers that it waits for.
    pub(super) timeout: Duration,
    /// How much a trial may record.
    pub(super) limits: Limits,
    /// Whether any certificate will do.
    pub(super) insecure: bool,
}

/// All instances of the target.
#[derive(Debug)]
pub(super) struct Fleet {
    target: Arc<Target>,
    slots: BTreeMap<String, Mutex<Slot>>,
    restarts_left: AtomicU32,
    in_vain: InVain,
}

/// How often the target was lost since a trial passed, and what that cost.
#[derive(Debug, Default)]
struct InVain {
    losses: AtomicU32,
    cost: AtomicU32,
    passed_before: AtomicBool,
}

#[derive(Debug)]
enum Slot {
    Up(Arc<Berth>),
    Down(String),
}

/// A running instance, and what is needed to play on it.
#[derive(Debug)]
pub(super) struct Berth {
    /// The variant that it runs; empty for the default.
    pub(super) variant: String,
    /// 0 for the first instance of its variant, then counting up.
    pub(super) generation: u32,
    /// What is known of it.
    pub(super) about: About,
    instance: Instance,
    context: TrialContext,
    condemned: AtomicBool,
    silent: AtomicBool,
    played: AtomicU32,
}

/// What came of trying to play a trial.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It was played; the target is there as far as was looked.
    Played(Box<Played>),
    /// The target was lost over it, or beside it.
    Lost(Loss, Box<Remains>),
}

/// What is left of a trial over which the target was lost.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// What was recorded, where the trial came to its end soon enough.
    pub(super) record: Transcript,
    /// The last lines of the target's output.
    pub(super) words: String,
}

impl Fleet {
    /// Starts the target in all these variants, of which one is the default (the empty name), side by side, and probes
    /// what each can do. A variant that cannot be started is down; the default must start.
    pub(super) async fn start(
        target: Arc<Target>,
        variants: &BTreeSet<String>,
        provision: &Provision,
    ) -> Result<Self, StartError> {
        use futures_util::stream::{self, StreamExt as _};
        let lag = LagMonitor::start();
        let started: Vec<(String, Result<Berth, StartError>)> = stream::iter(variants.iter().cloned())
            .map(|variant| {
                let (target, lag) = (Arc::clone(&target), lag.clone());
                async move {
                    let berth = Berth::start(&target, &variant, provision, lag).await;
                    (variant, berth)
                }
            })
            .buffer_unordered(STARTS_AT_ONCE)
            .collect()
            .await;
        let mut berths = BTreeMap::new();
        for (variant, berth) in started {
            match berth {
                Err(error) if variant.is_empty() => return Err(error),
                berth => berths.insert(variant, berth),
            };
        }
        let application = match berths.get("") {
            Some(Ok(berth)) => berth.about.capabilities.clone(),
            _ => BTreeMap::new(),
        };
        let mut slots = BTreeMap::new();
        for (variant, berth) in berths {
            let slot = match berth {
                Ok(berth) => Slot::Up(Arc::new(berth.with_application(&application))),
                Err(error) => Slot::Down(format!("the target could not be started as {variant}: {error}")),
            };
            slots.insert(variant, Mutex::new(slot));
        }
        Ok(Self {
            target,
            slots,
            restarts_left: AtomicU32::new(RESTARTS),
            in_vain: InVain::default(),
        })
    }

    /// What is known of the instance of a variant.
    ///
    /// # Errors
    /// Why it is down, in a sentence.
    pub(super) async fn about(&self, variant: &str) -> Result<About, String> {
        match self.slots.get(variant) {
            Some(slot) => match &*slot.lock().await {
                Slot::Up(berth) => Ok(berth.about.clone()),
                Slot::Down(why) => Err(why.clone()),
            },
            None => Err(format!("the target was not started as {variant}")),
        }
    }

    /// A living instance of a variant; started again where the last one ended.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(super) async fn berth(&self, variant: &str) -> Result<Arc<Berth>, String> {
        let slot = self
            .slots
            .get(variant)
            .ok_or_else(|| format!("the target was not started as {variant}"))?;
        let mut slot = slot.lock().await;
        let berth = match &*slot {
            Slot::Up(berth) if berth.is_fit() => return Ok(Arc::clone(berth)),
            Slot::Up(berth) => Arc::clone(berth),
            Slot::Down(why) => return Err(why.clone()),
        };
        match self.replace(&berth).await {
            Ok(next) => {
                let next = Arc::new(next);
                *slot = Slot::Up(Arc::clone(&next));
                Ok(next)
            }
            Err(why) => {
                *slot = Slot::Down(why.clone());
                Err(why)
            }
        }
    }

    /// Remembers how a trial on one of the instances came out: a target that passes one is worth starting again.
    pub(super) fn note(&self, attempt: &Attempt) {
        if matches!(attempt, Attempt::Played(played) if played.verdict == Verdict::Pass) {
            self.in_vain.passed_before.store(true, Ordering::SeqCst);
            self.forgive();
        }
    }

    /// What was lost until now says nothing against the target, or was expected.
    pub(super) fn forgive(&self) {
        self.in_vain.losses.store(0, Ordering::SeqCst);
        self.in_vain.cost.store(0, Ordering::SeqCst);
    }

    /// How long an instance may take to show that it still answers.
    pub(super) fn patience(&self) -> Duration {
        if self.in_vain.losses.load(Ordering::SeqCst) > 0 {
            LITTLE_PATIENCE
        } else {
            PATIENCE
        }
    }

    async fn replace(&self, old: &Berth) -> Result<Berth, String> {
        old.instance.kill().await;
        self.in_vain.count(old.silent.load(Ordering::SeqCst))?;
        if !self.target.is_launched() {
            let deadline = Instant::now() + RECOVERY;
            loop {
                match old.instance.health(PATIENCE).await {
                    Ok(()) => return Ok(old.renewed(old.instance.same())),
                    Err(loss) if Instant::now() > deadline => return Err(loss.to_string()),
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        }
        let take = |left: u32| left.checked_sub(1);
        if self
            .restarts_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_err()
        {
            return Err(format!("the target had to be started again {RESTARTS} times"));
        }
        let instance = self.target.start(&old.variant).await;
        let instance = instance.map_err(|error| format!("the target could not be started again: {error}"))?;
        Ok(old.renewed(instance))
    }

    /// Why instances are down, a sentence each.
    pub(super) async fn down(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for slot in self.slots.values() {
            if let Slot::Down(why) = &*slot.lock().await {
                reasons.push(why.clone());
            }
        }
        reasons
    }

    /// Takes all instances down, and waits until they are gone.
    pub(super) async fn stop(&self) {
        let stops = self.slots.values().map(|slot| async move {
            if let Slot::Up(berth) = &*slot.lock().await {
                berth.instance.stop().await;
            }
        });
        futures_util::future::join_all(stops).await;
    }
}

impl InVain {
    /// Counts a loss of the target, by its silence or by its end.
    ///
    /// # Errors
    /// Where it is no longer worth starting again, in a sentence.
    fn count(&self, silent: bool) -> Result<(), String> {
        let cost = match (self.passed_before.load(Ordering::SeqCst), silent) {
            (false, false) => COST_OF_END,
            (false, true) => COST_OF_SILENCE,
            (true, false) => 0,
            (true, true) => COST_OF_LATER_SILENCE,
        };
        let losses = self.losses.fetch_add(1, Ordering::SeqCst) + 1;
        if self.cost.fetch_add(cost, Ordering::SeqCst) + cost < LOSSES_IN_VAIN {
            return Ok(());
        }
        Err(format!(
            "the target was lost {losses} times in a row while no trial passed, so what was left is not played"
        ))
    }
}

impl Berth {
    async fn start(
        target: &Target,
        variant: &str,
        provision: &Provision,
        lag: LagMonitor,
    ) -> Result<Self, StartError> {
        let instance = target.start(variant).await?;
        let mut context = TrialContext {
            client: instance.client().cloned(),
            endpoint: instance.endpoint.clone(),
            http: crate::wire::http_client(provision.insecure),
            capabilities: BTreeMap::new(),
            connect_timeout_ms: instance.connect_timeout_ms,
            rtt_ms: instance.round_trip_ms(ROUND_TRIPS).await,
            lag,
            timeout: provision.timeout,
            limits: provision.limits,
        };
        // What the reference can do is known; with a fault the probes themselves may fail.
        context.capabilities = if let Some(client) = instance.client() {
            client_needs(&client.hello().client)
        } else if target.is_builtin() {
            every_need()
        } else {
            probe(&context).await
        };
        let mut timers = BTreeMap::new();
        if let Some(announced) = instance.announced {
            timers.insert("pingInterval", announced.ping_interval);
            timers.insert("pingTimeout", announced.ping_timeout);
        }
        if let Some(connect_timeout) = instance.connect_timeout_ms {
            timers.insert("connectTimeout", connect_timeout);
        }
        let about = About {
            capabilities: context.capabilities.clone(),
            timers,
        };
        Ok(Self {
            variant: variant.to_owned(),
            generation: 0,
            about,
            instance,
            context,
            condemned: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            played: AtomicU32::new(0),
        })
    }

    /// The same berth, with what the application of the default instance can do: it is the same in every variant, but
    /// where a variant changes what packets look like, the probes may not see it.
    fn with_application(mut self, application: &BTreeMap<String, bool>) -> Self {
        for (need, met) in application
            .iter()
            .filter(|(need, _)| !TRANSPORTS.contains(&need.as_str()))
        {
            *self.about.capabilities.entry(need.clone()).or_default() |= met;
        }
        self.context.capabilities.clone_from(&self.about.capabilities);
        self
    }

    /// The same berth with another instance of the same variant.
    fn renewed(&self, instance: Instance) -> Self {
        Self {
            variant: self.variant.clone(),
            generation: self.generation + 1,
            about: self.about.clone(),
            context: TrialContext {
                client: instance.client().cloned(),
                endpoint: instance.endpoint.clone(),
                ..self.context.clone()
            },
            instance,
            condemned: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            played: AtomicU32::new(0),
        }
    }

    fn is_fit(&self) -> bool {
        !self.condemned.load(Ordering::SeqCst) && self.instance.end().is_none()
    }

    /// Whether no trial has been played on it yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.played.load(Ordering::SeqCst) == 0
    }

    /// Plays a trial that waits for about `wait_ms`, and looks afterwards whether the target is still there: always where
    /// the trial is played `alone`, otherwise where it did not pass.
    pub(super) async fn attempt(
        &self,
        trial: &Trial,
        wait_ms: f64,
        alone: bool,
        patience: Duration,
    ) -> Attempt {
        self.played.fetch_add(1, Ordering::SeqCst);
        let waits = Duration::try_from_secs_f64(2.0 * wait_ms / 1000.0).unwrap_or_default();
        let context = TrialContext {
            timeout: self.context.timeout + waits,
            ..self.context.clone()
        };
        let mut playing = std::pin::pin!(play(trial, &context));
        let outcome = tokio::select! {
            biased;
            outcome = &mut playing => outcome,
            loss = self.instance.lost() => {
                self.give_up(&loss).await;
                // Without its target a trial soon comes to an end, and what was seen until then is told.
                let outcome = tokio::time::timeout(LAST_ENTRIES, playing).await;
                return self.lost(loss, outcome.map(|outcome| outcome.record).unwrap_or_default()).await;
            }
        };
        let played = Played::judged(trial, outcome);
        let passed = played.verdict == Verdict::Pass;
        if passed && !alone {
            return Attempt::Played(Box::new(played));
        }
        match self.instance.health(patience).await {
            Ok(()) => Attempt::Played(Box::new(played)),
            Err(loss) => {
                self.give_up(&loss).await;
                self.lost(loss, played.record).await
            }
        }
    }

    /// The instance is of no more use; what is left of it goes at once, so that nobody waits for it.
    async fn give_up(&self, loss: &Loss) {
        let silent = matches!(loss, Loss::Silent(_) | Loss::Driver(_, false));
        // What others see of an instance that is being killed is not how it was lost.
        if !self.condemned.load(Ordering::SeqCst) {
            self.silent.store(silent, Ordering::SeqCst);
        }
        self.condemned.store(true, Ordering::SeqCst);
        self.instance.kill().await;
    }

    async fn lost(&self, loss: Loss, record: Transcript) -> Attempt {
        let words = self.instance.last_words().await;
        Attempt::Lost(loss, Box::new(Remains { record, words }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a target may be lost in this way until it is no longer started again.
    fn losses(in_vain: &InVain, silent: bool) -> usize {
        1 + (0..200).take_while(|_| in_vain.count(silent).is_ok()).count()
    }

    #[test]
    fn a_target_that_never_behaved_is_given_up_soon() {
        assert_eq!(losses(&InVain::default(), false), 10);
        assert_eq!(losses(&InVain::default(), true), 4);
    }

    #[test]
    fn a_target_that_passed_a_trial_is_given_up_only_where_waiting_for_it_takes_long() {
        let passed = || InVain {
            passed_before: AtomicBool::new(true),
            ..InVain::default()
        };
        assert_eq!(losses(&passed(), false), 201);
        assert_eq!(losses(&passed(), true), 20);
    }
}
