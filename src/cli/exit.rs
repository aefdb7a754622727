//! Exit codes, and errors that know theirs.

use std::process::ExitCode;

/// How siospec ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The gate holds, or the command did what it was asked.
    Success = 0,
    /// The gate does not hold.
    Gate = 1,
    /// The command line or a file is wrong.
    Usage = 2,
    /// The target could not be started.
    Target = 3,
    /// Nothing was selected.
    Nothing = 4,
    /// siospec itself failed.
    Internal = 70,
    /// Interrupted; what was done until then is reported.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with the exit code that it leads to.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) error: anyhow::Error,
}

impl Failure {
    /// The command line or a file is wrong.
    pub(super) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// The target could not be started.
    pub(super) fn target(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Target,
            error: error.into(),
        }
    }

    /// Nothing was selected.
    pub(super) fn nothing(message: String) -> Self {
        Self {
            exit: Exit::Nothing,
            error: anyhow::Error::msg(message),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: Exit::Internal,
            error: error.into(),
        }
    }
}
