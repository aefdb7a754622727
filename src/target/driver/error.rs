//! The names of all that may go wrong with a driver.

use super::super::group::End;
use super::super::launch::LaunchError;
use super::hello::VERSION;
use super::lines::LONGEST_LINE;
use std::sync::Arc;
use std::time::Duration;

/// How much of a line a message shows, in characters.
const SHOWN: usize = 120;

/// What went wrong with a driver.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DriverError {
    /// It cannot be run.
    #[error(transparent)]
    Launch(Arc<LaunchError>),
    /// Its process ended.
    #[error("{end}{tail}")]
    Ended {
        /// How.
        end: End,
        /// The last of its output.
        tail: String,
    },
    /// It did not answer in time.
    #[error("the driver did not answer within {} s{tail}", .patience.as_secs_f64())]
    Silent {
        /// How long it had.
        patience: Duration,
        /// The last of its output.
        tail: String,
    },
    /// It wrote and wrote.
    #[error("the driver wrote more than {} MiB without the end of a line", LONGEST_LINE >> 20)]
    Flood,
    /// It reported more for a case than anybody could have caused.
    #[error("the driver reported without end for the case {case}: {waiting} reports of {} MiB wait to be read", .bytes >> 20)]
    CaseFlood {
        /// The case.
        case: String,
        /// How many reports nobody has read yet.
        waiting: usize,
        /// How long these are together.
        bytes: usize,
    },
    /// It wrote something that is no answer.
    #[error("the driver wrote `{line}`, which is no {expected}: {why}")]
    Rubbish {
        /// How the line begins.
        line: String,
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It answered another request.
    #[error("the driver answered the request {came}, expected the answer to {expected}")]
    Foreign {
        /// The request that was asked first of those that wait for an answer.
        expected: u64,
        /// The id that came.
        came: String,
    },
    /// It answered a request that nobody asked.
    #[error("the driver answered the request {came}, but no request waits for an answer")]
    Unasked {
        /// The id that came.
        came: String,
    },
    /// It reported for a case that there never was.
    #[error("the driver reported for the case {case}, which there never was")]
    UnknownCase {
        /// What it called the case.
        case: String,
    },
    /// It does not know what was asked.
    #[error("the driver does not support this: {0}")]
    Unsupported(String),
    /// It speaks another version of the protocol.
    #[error("the driver speaks version {0} of the driver protocol, expected {VERSION}: see docs/driver.md")]
    Version(String),
}

impl DriverError {
    /// Whether it looks as if the program, or something that it needs, were not there.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Launch(error) => matches!(**error, LaunchError::Spawn { .. }),
            other => matches!(other, Self::Ended { .. }),
        }
    }
}

impl From<LaunchError> for DriverError {
    fn from(error: LaunchError) -> Self {
        Self::Launch(Arc::new(error))
    }
}

/// The error for a line that is not what was `expected`.
pub(in crate::target) fn rubbish(line: &str, expected: &'static str, why: String) -> DriverError {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = line.chars().take(SHOWN).map(visible).collect();
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    DriverError::Rubbish {
        line: shown,
        expected,
        why,
    }
}

/// The last lines of an output, introduced and indented.
pub(super) fn introduced(tail: &str) -> String {
    if tail.is_empty() {
        return String::new();
    }
    let lines: String = tail.lines().map(|line| format!("\n  | {line}")).collect();
    format!("; the last of its output:{lines}")
}
