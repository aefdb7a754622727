//! What one who starts a run may choose.

use super::gate::Strictness;
use crate::target::KnownEntry;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many trials are played side by side unless somebody says otherwise.
const JOBS: usize = 24;
/// The longest that a trial may wait for timers, and how long it may take besides, unless somebody says otherwise.
const MAX_WAIT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a target may take to answer before it counts as silent, asked twice, unless somebody says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is played, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// `server`, `client` or `codec`, for the result.
    pub role: String,
    /// How many trials are played side by side, at least 1.
    pub jobs: usize,
    /// The longest that a trial may wait for timers.
    pub max_wait: Duration,
    /// How long a trial may take besides that.
    pub timeout: Duration,
    /// How long the target may take to answer before it counts as silent, asked twice.
    pub patience: Duration,
    /// Play hazards also on a target that siospec did not start.
    pub hazards: bool,
    /// Accept any certificate.
    pub insecure: bool,
    /// How strictly the gate judges.
    pub strictness: Strictness,
    /// Known failures: those of the manifest, and those of lists.
    pub known: Vec<KnownEntry>,
    /// The ids of all cases that were not selected, of any role; `None` where cases came from elsewhere, so that a
    /// known failure which matches none of them proves nothing.
    pub elsewhere: Option<Vec<String>>,
    /// Where the cases come from, as `--cases` names it; `None` for the built-in ones.
    pub cases: Option<String>,
    /// Which part of the cases was asked for.
    pub partition: Option<String>,
    /// Play again, alone, what failed in company. Without it a stalled machine may be taken for a failure.
    pub recheck: bool,
    /// The normalised transcripts of the reference, by id and transport.
    pub baselines: BTreeMap<(String, String), Vec<String>>,
}

impl Options {
    /// What a run for this role (`server`, `client` or `codec`) does where nobody asks for anything else: no hazards on
    /// what siospec did not start, no known failures, no baselines, and what fails in company is played again.
    pub fn new(role: &str) -> Self {
        Self {
            role: role.to_owned(),
            jobs: JOBS,
            max_wait: MAX_WAIT,
            timeout: TIMEOUT,
            patience: PATIENCE,
            hazards: false,
            insecure: false,
            strictness: Strictness::default(),
            known: Vec::new(),
            elsewhere: None,
            cases: None,
            partition: None,
            recheck: true,
            baselines: BTreeMap::new(),
        }
    }
}
