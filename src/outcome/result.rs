//! The result of a run as it is saved: the interface between running and everything that reports.
//!
//! Owns the JSON form. From it alone come all reports, so whatever a reader may want to know of a run stands here.

use crate::transcript::Transcript;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the JSON form. It goes up when a reader of the old form would be misled.
pub const SCHEMA_VERSION: u32 = 1;

/// One run against one target in one role.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`SCHEMA_VERSION`] of the writer.
    #[schemars(extend("const" = SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The version of siospec.
    pub siospec_version: String,
    /// `server`, `client` or `codec`.
    pub role: String,
    /// What was tested.
    pub target: TargetInfo,
    /// When the run started, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub wall_ms: f64,
    /// The part of the cases that was asked for, e.g. `hash:1/4`; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Whether the run was interrupted before all selected cases were played.
    #[serde(default)]
    pub interrupted: bool,
    /// What the target can do, as it was probed: need → yes or no.
    pub capabilities: BTreeMap<String, bool>,
    /// A number for each verdict, zeros included.
    pub totals: BTreeMap<String, u64>,
    /// How many trials were left out before publication: security and hazard cases whose maintainers hear first. Totals
    /// and the gate are then those of the rest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub withheld: u64,
    /// `pass` or `fail`.
    pub gate: Gate,
    /// Why the gate does not hold, a sentence each; empty where it does.
    #[serde(default)]
    pub gate_reasons: Vec<String>,
    /// The trials, in the order of their ids.
    pub cases: Vec<CaseResult>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What was tested.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    /// Its name.
    pub name: String,
    /// Its version; empty where it is not known.
    pub version: String,
    /// Its language; empty where it is not known.
    pub language: String,
    /// Where it comes from; empty where it is not known.
    #[serde(default)]
    pub homepage: String,
    /// What to write on the command line to test it again, e.g. `targets/socket.io`.
    #[serde(default)]
    pub argument: String,
}

impl TargetInfo {
    /// Its name, and its version where it is known.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.name, self.version).trim().to_owned()
    }
}

/// Whether a run holds what it must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// It does.
    Pass,
    /// It does not.
    #[default]
    Fail,
}

/// One trial: a case, with one tuple of its `each` values, over one transport.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// The id of the case, with its `each` values in brackets.
    pub id: String,
    /// `websocket`, `polling`, `upgraded`; `wire` for a wire script, `vector` for a codec.
    pub over: String,
    /// The variant of the target that it ran on; empty for the default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// The area, e.g. `eio.handshake`.
    pub area: String,
    /// The title of the case.
    pub title: String,
    /// The rule that a failure accuses.
    pub rule: String,
    /// Its level.
    pub level: String,
    /// What it says.
    pub rule_text: String,
    /// Where it comes from.
    pub source: String,
    /// The address of that, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// What breaking it means to a user, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub impact: String,
    /// What came out.
    pub verdict: Verdict,
    /// Where a passing transcript differs from the reference's: a diff of normalised lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<String>,
    /// How long it took, in milliseconds.
    pub wall_ms: f64,
    /// How long the runner itself was held up meanwhile, in milliseconds, at the worst.
    #[serde(default)]
    pub lag_ms: f64,
    /// Why the verdict is what it is, in one line; empty for a plain pass.
    #[serde(default)]
    pub message: String,
    /// Where in the script it went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The known-failure entry that applied: why it is known, and its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownInfo>,
    /// Whether the case is a hazard to the target.
    #[serde(default)]
    pub hazard: bool,
    /// The script as it was played.
    #[serde(default)]
    pub script: String,
    /// The transcript, one rendered line an entry, normalised for reading; the truth is in `record`.
    pub transcript: Vec<String>,
    /// What was recorded.
    #[serde(default)]
    pub record: Transcript,
    /// What the reference's transcript looks like, normalised, where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<String>,
    /// The command that plays this trial again.
    #[serde(default)]
    pub replay: String,
}

/// Where and how a trial went wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The line of the case file, from 1; 0 where no line is to blame.
    pub line: u32,
    /// That line.
    pub script_line: String,
    /// What was expected, in words.
    pub expected: String,
    /// What came instead, in words.
    pub came: String,
    /// When it came or was given up, milliseconds since the case started.
    pub at: f64,
    /// What would have been allowed as well; a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// A hint what to look at, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// Whether it is a matter of time, so that a stalled machine may be the reason.
    #[serde(default)]
    pub timed: bool,
    /// The index of the entry of `record` that did not fit, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<usize>,
}

/// The known failure that a trial was listed under.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownInfo {
    /// Why it is known.
    pub why: String,
    /// Where it is tracked.
    pub link: String,
}

/// What came out of a trial.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule holds.
    Pass,
    /// A should, may or reference rule is broken, or a tolerated alternative was taken.
    Lenient,
    /// A must or security rule is broken.
    Fail,
    /// A failure that was expected, as it was expected.
    Known,
    /// Failed, then passed alone.
    Flaky,
    /// A need is missing.
    Skip,
    /// A precondition does not hold.
    Blocked,
    /// The target's process ended.
    Crashed,
    /// The target no longer answers at all.
    Hung,
    /// The harness itself failed; never blamed on the target.
    #[default]
    Broken,
}

impl Verdict {
    /// All verdicts, in the order in which summaries show them.
    pub const ALL: [Self; 10] = [
        Self::Pass,
        Self::Lenient,
        Self::Fail,
        Self::Known,
        Self::Flaky,
        Self::Skip,
        Self::Blocked,
        Self::Crashed,
        Self::Hung,
        Self::Broken,
    ];

    /// Whether the case was played.
    pub fn ran(self) -> bool {
        !matches!(self, Self::Skip | Self::Blocked)
    }

    /// The word for it, as in the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Lenient => "lenient",
            Self::Fail => "fail",
            Self::Known => "known",
            Self::Flaky => "flaky",
            Self::Skip => "skip",
            Self::Blocked => "blocked",
            Self::Crashed => "crashed",
            Self::Hung => "hung",
            Self::Broken => "broken",
        }
    }
}
