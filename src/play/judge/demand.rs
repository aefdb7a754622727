//! What a judge is told before it begins, and what it says: what it needs next, and in the end its verdict.

use crate::notation::Step;
use crate::outcome::Failure;
use crate::transcript::Cause;
use std::collections::BTreeMap;

/// Values that the script may name and that are not part of a handshake, in milliseconds or bytes.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// After how long the target closes a connection without CONNECT; `None` where it is not known.
    pub connect_timeout_ms: Option<f64>,
    /// Further named texts for templates, such as `host` and `path`.
    pub texts: BTreeMap<String, String>,
}

/// What the judge needs next.
#[derive(Debug)]
pub enum Demand<'c> {
    /// Open the session of this label.
    Open(String),
    /// Join this namespace on the session of this label: send CONNECT, as a precondition.
    Join(String, String),
    /// Do this step of the script.
    Perform {
        /// The step.
        step: &'c Step,
        /// Which repetition, from 0.
        repetition: u32,
        /// The session or channel, as it is recorded.
        label: String,
        /// The lines of the body, where the step answers a request with a status.
        body: Vec<&'c Step>,
    },
    /// Show that the request just sent on this channel is parked.
    Park(String),
    /// Wait for something to arrive, until this time in milliseconds since the case started.
    Await {
        /// Where, for the reader.
        label: String,
        /// When to give up.
        deadline: f64,
        /// Channels whose poll was answered without what is still expected: ask again.
        repoll: Vec<String>,
    },
    /// Prove that nothing more comes on this label, or that it works.
    Prove {
        /// The session or channel.
        label: String,
        /// A namespace whose `message` echo may be used, where one is joined.
        echo: Option<String>,
        /// Whether the session must be shown to work; silence alone is not enough.
        alive: bool,
        /// When to give up.
        deadline: f64,
    },
    /// The verdict is there: ask [`Judge::verdict`].
    Done,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Everything was as expected.
    Pass,
    /// A tolerated alternative was taken; the first one is told.
    Lenient(Failure),
    /// Something was not as expected.
    Fail(Failure),
    /// A precondition did not hold, in a sentence.
    Blocked(String),
    /// The target says that it has no such thing, in a sentence.
    Unsupported(String),
    /// The harness could not do its part, in a sentence.
    Broken(String),
}

/// Which entry of the record satisfied which line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The index of the entry.
    pub entry: usize,
    /// The line and repetition.
    pub cause: Cause,
    /// Whether the line has alternatives that are just as good, so that what came tells nothing of it.
    pub free: bool,
}

/// What one step of the walk comes to.
pub(super) enum Flow<'c> {
    Again,
    Need(Demand<'c>),
}
