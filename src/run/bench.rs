//! Trials one by one, for test runners that decide themselves what is played when.

use super::describe;
use super::fleet::{Attempt, Fleet, Provision, Room};
use super::options::PATIENCE;
use super::plan::{self, Allowed, Fate};
use super::retry;
use super::verdict::{Played, fill};
use crate::outcome::{CaseResult, Verdict};
use crate::suite::{Rules, Trial};
use crate::target::{StartError, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};

/// How long a trial may take besides the timers that it waits for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A target on which trials are played when they are asked for. Instances are started at their first use.
#[derive(Debug)]
pub struct Bench {
    target: Arc<Target>,
    rules: Rules,
    fleets: Mutex<BTreeMap<String, Arc<Fleet>>>,
    /// Who plays in company reads, who must be alone writes.
    floor: RwLock<()>,
}

/// What came of a trial on a bench.
#[derive(Debug)]
pub struct Tried {
    /// The result, as a run would save it.
    pub result: CaseResult,
    /// Whether a lenient verdict comes from an alternative that is tolerated, not from a rule that is broken.
    pub tolerated: bool,
}

impl Bench {
    /// A bench with this target. Nothing is started yet.
    pub fn new(target: Target, rules: Rules) -> Self {
        let (fleets, floor) = (Mutex::new(BTreeMap::new()), RwLock::new(()));
        Self {
            target: Arc::new(target),
            rules,
            fleets,
            floor,
        }
    }

    /// Plays a trial; once more and alone where its failure may be the machine's fault or that of others beside it.
    ///
    /// # Errors
    /// Where the target cannot be started.
    pub async fn play(&self, trial: &Trial) -> Result<Tried, StartError> {
        let played = self.settle(trial).await?;
        let mut result = describe::result(trial, &self.rules, self.target.info(), None);
        let tolerated = played.tolerated;
        fill(&mut result, played);
        Ok(Tried { result, tolerated })
    }

    async fn settle(&self, trial: &Trial) -> Result<Played, StartError> {
        let variant = trial.case.header.variant.as_deref().unwrap_or_default();
        if !self.target.offers(variant) {
            let message = format!("the target has no variant {variant}");
            return Ok(Played::without_record(Verdict::Skip, message));
        }
        let fleet = self.fleet(variant).await?;
        let allowed = Allowed {
            hazards: self.target.is_launched(),
            max_wait_ms: f64::INFINITY,
        };
        let wait_ms = match fleet
            .about(variant)
            .await
            .map(|about| plan::fate(trial, &about, allowed))
        {
            Ok(Fate::Play(wait_ms)) => wait_ms,
            Ok(Fate::Skip(reason)) => return Ok(Played::without_record(Verdict::Skip, reason)),
            Err(down) => return Ok(Played::without_record(Verdict::Blocked, down)),
        };
        let hazard = trial.case.header.hazard.is_some();
        let first = if hazard {
            let _alone = self.floor.write().await;
            attempt(&fleet, variant, trial, wait_ms).await
        } else {
            let _beside_others = self.floor.read().await;
            attempt(&fleet, variant, trial, wait_ms).await
        };
        let Some(doubt) = retry::doubt(&first) else {
            return Ok(first);
        };
        let _alone = self.floor.write().await;
        Ok(retry::settle(first, doubt, async || {
            attempt(&fleet, variant, trial, wait_ms).await
        })
        .await)
    }

    async fn fleet(&self, variant: &str) -> Result<Arc<Fleet>, StartError> {
        let mut fleets = self.fleets.lock().await;
        if let Some(fleet) = fleets.get(variant) {
            return Ok(Arc::clone(fleet));
        }
        let variants = [variant.to_owned()];
        let provision = Provision {
            timeout: TIMEOUT,
            limits: super::LIMITS,
            patience: PATIENCE,
            insecure: false,
        };
        let fleet = Arc::new(Fleet::start(Arc::clone(&self.target), &variants, &provision).await?);
        fleet.learn().await;
        fleets.insert(variant.to_owned(), Arc::clone(&fleet));
        Ok(fleet)
    }
}

async fn attempt(fleet: &Fleet, variant: &str, trial: &Trial, wait_ms: f64) -> Played {
    // Whoever looks for what ends the target plays that again and again.
    fleet.endurance.forgive();
    match fleet.berth(variant, Room::Common).await {
        Err(why) => Played::without_record(Verdict::Blocked, why),
        Ok(berth) => match berth
            .attempt(trial, wait_ms, true, fleet.endurance.patience())
            .await
        {
            Attempt::Played(played) => *played,
            Attempt::Lost(loss, remains) => Played::lost(&loss, *remains),
        },
    }
}
