//! The running instances of the target: one for each variant, and further ones where trials want one to themselves. They are
//! started in the background, and started again when they end.
//!
//! Owns restarting and its bounds. Which trial is to blame is found out in `alone`.

use super::endurance::Endurance;
use super::plan::About;
use super::schedule::DEFAULT;
use super::verdict::Played;
use crate::outcome::Verdict;
use crate::play::{LagMonitor, TrialContext, client_needs, every_need, play, probe_base, probe_transports};
use crate::suite::Trial;
use crate::target::{Instance, Loss, StartError, Target};
use crate::transcript::Transcript;
use crate::wire::Limits;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, watch};
use tokio::task::JoinSet;

/// How often targets are started again in one run, all variants together.
const RESTARTS: u32 = 100;
/// How many variants are started at the same time while the default starts; and later one for so many processors, of which the
/// others are left to the trials that go on.
const STARTS_AT_FIRST: usize = 1;
const PROCESSORS_PER_START: usize = 2;
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
    /// How long the target may take to answer before it counts as silent, asked twice.
    pub(super) patience: Duration,
    /// Whether any certificate will do.
    pub(super) insecure: bool,
}

/// All instances of the target.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) target: Arc<Target>,
    pub(super) patience: Duration,
    /// What the application can do besides its base; `None` until that is known.
    pub(super) further: watch::Sender<Option<BTreeMap<String, bool>>>,
    /// The variants besides the default.
    variants: Vec<String>,
    slots: BTreeMap<(String, Room), Arc<Mutex<Slot>>>,
    restarts_left: AtomicU32,
    /// What the target may still cost.
    pub(super) endurance: Endurance,
    /// The generation of the next instance that is not the first of its variant.
    next_generation: AtomicU32,
    /// What is started in the background; whoever asks for it waits at its slot.
    starting: std::sync::Mutex<JoinSet<()>>,
}

/// Which of the instances of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// The one for most trials.
    #[default]
    Common,
    /// The one for doubts, which are few at a time.
    Calm,
    /// The one for hazards, while others wait on the common one.
    Apart,
    /// The one for trials that are known to end it.
    Lethal,
}

impl Room {
    const ALL: [Self; 4] = [Self::Common, Self::Calm, Self::Apart, Self::Lethal];
}

#[derive(Debug)]
enum Slot {
    /// Nobody has asked for it.
    Empty,
    Up(Arc<Berth>),
    Down(String),
}

/// A running instance, and what is needed to play on it.
#[derive(Debug)]
pub(super) struct Berth {
    /// The variant that it runs; empty for the default.
    pub(super) variant: String,
    /// 0 for the first instance of its variant; every further one of the fleet has a number of its own.
    pub(super) generation: u32,
    /// What is known of it.
    pub(super) about: About,
    pub(super) instance: Instance,
    pub(super) context: TrialContext,
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
    /// Starts the target, and finds out whether it has the base of every application. These variants are started in the
    /// background, in this order; one that cannot be started is down.
    ///
    /// # Errors
    /// Where the default cannot be started.
    pub(super) async fn start(
        target: Arc<Target>,
        variants: &[String],
        provision: &Provision,
    ) -> Result<Self, StartError> {
        let lag = LagMonitor::start();
        let mut slots = BTreeMap::new();
        for variant in variants.iter().cloned().chain([String::new()]) {
            for room in Room::ALL {
                slots.insert((variant.clone(), room), Arc::new(Mutex::new(Slot::Empty)));
            }
        }
        let common = |variant: &str| Arc::clone(&slots[&(variant.to_owned(), Room::Common)]);
        let default = common("");
        let mut default_slot = Arc::clone(&default).lock_owned().await;
        let places = Arc::new(Semaphore::new(STARTS_AT_FIRST));
        let mut starting = JoinSet::new();
        for variant in variants.iter().filter(|variant| !variant.is_empty()) {
            let slot = common(variant).lock_owned().await;
            let variant = variant.clone();
            let (target, provision, lag) = (Arc::clone(&target), provision.clone(), lag.clone());
            let (places, default) = (Arc::clone(&places), Arc::clone(&default));
            starting.spawn(async move {
                let place = places.acquire().await;
                let started = Berth::start(&target, &variant, &provision, lag).await;
                drop(place);
                fill(slot, &variant, started, &default).await;
            });
        }
        *default_slot = Slot::Up(Arc::new(Berth::start(&target, "", provision, lag).await?));
        drop(default_slot);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        places.add_permits((processors / PROCESSORS_PER_START).saturating_sub(STARTS_AT_FIRST));
        Ok(Self {
            target,
            patience: provision.patience,
            further: watch::Sender::new(None),
            variants: variants.to_vec(),
            slots,
            restarts_left: AtomicU32::new(RESTARTS),
            next_generation: AtomicU32::new(1),
            starting: std::sync::Mutex::new(starting),
            endurance: Endurance::new(provision.patience),
        })
    }

    /// The number of a variant.
    pub(super) fn number(&self, variant: &str) -> usize {
        let number = self.variants.iter().position(|known| known == variant);
        number.map_or(DEFAULT, |number| DEFAULT + 1 + number)
    }

    /// What is known of the instance of a variant, once it is started and it is known what the application can do.
    ///
    /// # Errors
    /// Why it is down, in a sentence.
    pub(super) async fn about(&self, variant: &str) -> Result<About, String> {
        let mut further = self.further.subscribe();
        let further = further.wait_for(Option::is_some).await;
        let further = further.ok().and_then(|known| known.clone()).unwrap_or_default();
        let mut about = self.about_at_first(variant).await?;
        about.capabilities.extend(further);
        Ok(about)
    }

    /// The same before it is known what the application can do besides its base.
    ///
    /// # Errors
    /// Why it is down, in a sentence.
    pub(super) async fn about_at_first(&self, variant: &str) -> Result<About, String> {
        self.common(variant).await.map(|berth| berth.about.clone())
    }

    /// The instance for most trials as it is, once it is started. Nobody else waits for who holds it.
    async fn common(&self, variant: &str) -> Result<Arc<Berth>, String> {
        match &*self.slot(variant, Room::Common)?.lock().await {
            Slot::Up(berth) => Ok(Arc::clone(berth)),
            Slot::Down(why) => Err(why.clone()),
            Slot::Empty => Err(not_started(variant)),
        }
    }

    /// A living instance of a variant; started where nobody has asked for it, and again where the last one ended.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(super) async fn berth(&self, variant: &str, room: Room) -> Result<Arc<Berth>, String> {
        let mut slot = self.slot(variant, room)?.lock().await;
        let next = match &*slot {
            Slot::Up(berth) if berth.is_fit() => return Ok(Arc::clone(berth)),
            Slot::Up(berth) => {
                let berth = Arc::clone(berth);
                self.replace(&berth).await
            }
            Slot::Down(why) => return Err(why.clone()),
            Slot::Empty if room == Room::Common => return Err(not_started(variant)),
            Slot::Empty => {
                let common = self.common(variant).await?;
                self.another(&common).await
            }
        };
        match next {
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

    fn slot(&self, variant: &str, room: Room) -> Result<&Mutex<Slot>, String> {
        let slot = self.slots.get(&(variant.to_owned(), room));
        slot.map(Arc::as_ref).ok_or_else(|| not_started(variant))
    }

    async fn replace(&self, old: &Berth) -> Result<Berth, String> {
        old.instance.kill().await;
        self.endurance.count(old.loss.get())?;
        if !self.target.is_launched() {
            let deadline = Instant::now() + RECOVERY;
            loop {
                match old.instance.health(self.patience).await {
                    Ok(()) => return Ok(self.renewed(old, old.instance.same())),
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
        self.another(old).await
    }

    /// Another instance of the same variant.
    async fn another(&self, berth: &Berth) -> Result<Berth, String> {
        let instance = self.target.start(&berth.variant).await;
        let instance = instance.map_err(|error| format!("the target could not be started again: {error}"))?;
        Ok(self.renewed(berth, instance))
    }

    fn renewed(&self, berth: &Berth, instance: Instance) -> Berth {
        berth.renewed(instance, self.next_generation.fetch_add(1, Ordering::SeqCst))
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
        let mut starting = std::mem::take(&mut *self.starting.lock().unwrap_or_else(PoisonError::into_inner));
        starting.shutdown().await;
        let stops = self.slots.values().map(|slot| async move {
            if let Slot::Up(berth) = &*slot.lock().await {
                berth.instance.stop().await;
            }
        });
        futures_util::future::join_all(stops).await;
    }
}

/// Puts what came of starting a variant into its slot. What the application has of its base is known of the default.
async fn fill(
    mut slot: OwnedMutexGuard<Slot>,
    variant: &str,
    started: Result<Berth, StartError>,
    default: &Mutex<Slot>,
) {
    *slot = match started {
        Err(error) => Slot::Down(format!("the target could not be started as {variant}: {error}")),
        Ok(berth) => match &*default.lock().await {
            Slot::Up(default) => Slot::Up(Arc::new(berth.with_application(&default.about.capabilities))),
            Slot::Empty | Slot::Down(_) => Slot::Down(not_started("")),
        },
    };
}

fn not_started(variant: &str) -> String {
    format!("the target was not started as {variant}")
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
        } else if variant.is_empty() {
            probe_base(&context).await
        } else {
            probe_transports(&context).await
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

    /// The same berth, with what the application of the default instance has: it is the same in every variant.
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
    fn renewed(&self, instance: Instance, generation: u32) -> Self {
        Self {
            variant: self.variant.clone(),
            generation,
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

    pub(super) fn is_fit(&self) -> bool {
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
        let asked = Instant::now();
        match self.instance.health(patience).await {
            Ok(()) => {
                let answered_ms = asked.elapsed().as_secs_f64() * 1000.0;
                Attempt::Played(Box::new(Played {
                    answered_ms,
                    ..played
                }))
            }
            Err(loss) => {
                let loss = self.give_up(loss).await;
                self.lost(loss, played.record).await
            }
        }
    }

    /// The instance is of no more use; what is left of it goes at once, so that nobody waits for it. Others will see it
    /// end, which is not how it was lost: that is what the first one saw.
    pub(super) async fn give_up(&self, loss: Loss) -> Loss {
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
