//! What a campaign is told, what it tells while it goes on, and what came of it.

use super::finding::Finding;
use crate::outcome::TargetInfo;
use crate::suite::Codec;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a campaign goes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From which all inputs follow.
    pub seed: u64,
    /// How many runs at most.
    pub runs: Option<u64>,
    /// How long at most; a round that was begun is ended.
    pub time: Option<Duration>,
    /// The codecs; those that the target does not have are left out.
    pub codecs: Vec<Codec>,
    /// Whether rules that do not bind fail the campaign too.
    pub strict: bool,
    /// How long the target may take over a batch.
    pub patience: Duration,
}

/// What happens in a campaign.
#[derive(Debug)]
pub enum CampaignEvent<'a> {
    /// The target has started.
    Started {
        /// What it is.
        target: &'a TargetInfo,
        /// What is fuzzed.
        codecs: &'a [Codec],
    },
    /// A round is over.
    Progress {
        /// How many runs there were.
        runs: u64,
        /// How many classes were found.
        classes: usize,
    },
    /// A class was seen for the first time, and is being shrunk.
    Shrinking(&'a str),
    /// A class was seen for the first time.
    Found(&'a Finding),
}

/// Hears what happens.
pub type CampaignListener<'a> = &'a mut (dyn FnMut(CampaignEvent<'_>) + Send);

/// What came out.
#[derive(Debug, Default)]
pub struct CampaignResult {
    /// What was fuzzed.
    pub target: TargetInfo,
    /// How many inputs it was given.
    pub runs: u64,
    /// How many of them it does not support.
    pub unsupported: u64,
    /// How long that took, the search for smaller inputs left out.
    pub fuzzing: Duration,
    /// How long it took altogether.
    pub elapsed: Duration,
    /// The classes, in the order in which they were seen.
    pub findings: Vec<Finding>,
    /// How many runs took each freedom.
    pub freedoms: BTreeMap<&'static str, u64>,
    /// The listed classes that did not show.
    pub unseen: Vec<String>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Why the target could not be started again, where the campaign ended over that.
    pub stopped: Option<String>,
}

impl CampaignResult {
    /// How many findings fail the campaign.
    pub fn failures(&self) -> usize {
        let counts = |finding: &&Finding| finding.fails && finding.known.is_none();
        self.findings.iter().filter(counts).count()
    }
}
