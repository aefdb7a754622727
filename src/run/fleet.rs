//! The running instances of the target: one for each variant, started again when they end.
//!
//! Owns restarting and its bounds. Which trial is to blame is found out in `alone`.

use super::endurance::{Endurance, PATIENCE};
use super::plan::About;
use super::verdict::Played;
use crate::outcome::Verdict;
use crate::play::{LagMonitor, TrialContext, client_needs, every_need, play, probe};
use crate::suite::Trial;
use crate::target::{Instance, Loss, StartError, Target};
use crate::transcript::Transcript;
use crate::wire::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often targets are started again in one run, all variants together.
const RESTARTS: u32 = 100;
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
    /// What the target may still cost.
    pub(super) endurance: Endurance,
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
    /// How it was lost, as the first one saw who looked.
    loss: OnceLock<Loss>,
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
            endurance: Endurance::default(),
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

    async fn replace(&self, old: &Berth) -> Result<Berth, String> {
        old.instance.kill().await;
        self.endurance.count(old.loss.get())?;
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
            loss: OnceLock::new(),
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
            loss: OnceLock::new(),
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
                let loss = self.give_up(loss).await;
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
                let loss = self.give_up(loss).await;
                self.lost(loss, played.record).await
            }
        }
    }

    /// The instance is of no more use; what is left of it goes at once, so that nobody waits for it. Others will see it
    /// end, which is not how it was lost: that is what the first one saw.
    async fn give_up(&self, loss: Loss) -> Loss {
        let loss = self.loss.get_or_init(|| loss).clone();
        self.condemned.store(true, Ordering::SeqCst);
        self.instance.kill().await;
        loss
    }

    async fn lost(&self, loss: Loss, record: Transcript) -> Attempt {
        let words = self.instance.last_words().await;
        Attempt::Lost(loss, Box::new(Remains { record, words }))
    }
}
