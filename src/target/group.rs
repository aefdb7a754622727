//! The process group of a target: watched while it runs, and taken down whole.
//!
//! A group does not outlive its handle, also while a panic unwinds or the runtime goes down.

use super::launch::Limits;
use super::memory;
use process_wrap::tokio::ChildWrapper;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// How often memory is looked at.
const MEMORY_PERIOD: Duration = Duration::from_secs(1);
/// The signal that asks a process to end.
#[cfg(unix)]
const SIGTERM: i32 = 15;

/// How a target's process came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended by itself, this way.
    Exited(String),
    /// It was killed because it used too much memory.
    Memory {
        /// What it used, in bytes.
        used: u64,
        /// What was granted, in bytes.
        limit: u64,
    },
    /// It was taken down.
    Stopped,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: u64| bytes / (1 << 20);
        match self {
            Self::Exited(status) => write!(f, "the target's process ended ({status})"),
            Self::Memory { used, limit } => {
                write!(
                    f,
                    "the target used {} MiB of memory, more than the {} MiB it may",
                    mib(*used),
                    mib(*limit)
                )
            }
            Self::Stopped => f.write_str("the target was stopped"),
        }
    }
}

impl End {
    /// How it ended, without the words around it.
    pub(super) fn status(self) -> String {
        match self {
            Self::Exited(status) => status,
            other => other.to_string(),
        }
    }
}

/// How a group is taken down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// They may end by themselves first.
    Asked,
    /// At once.
    Killed,
}

/// A process group that does not outlive its handle.
#[derive(Debug)]
pub(super) struct Group(pub(super) Box<dyn ChildWrapper>);

impl Group {
    fn kill(&mut self) {
        let _nobody_left = self.0.start_kill();
    }

    /// Asks all to end, and waits for the first process to do so.
    #[cfg(unix)]
    async fn ask_to_end(&mut self, grace: Duration) {
        if self.0.signal(SIGTERM).is_ok() {
            let _too_late = tokio::time::timeout(grace, self.0.wait()).await;
        }
    }

    /// There is no polite way.
    #[cfg(not(unix))]
    async fn ask_to_end(&mut self, _grace: Duration) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a group: its own, its limit, or the order to end it.
pub(super) async fn watch_over(
    mut group: Group,
    pid: u32,
    limits: Limits,
    mut stop: oneshot::Receiver<Manner>,
    ended: watch::Sender<Option<End>>,
) {
    let mut memory_check = tokio::time::interval_at(Instant::now() + MEMORY_PERIOD, MEMORY_PERIOD);
    let end = loop {
        tokio::select! {
            status = group.0.wait() => break End::Exited(describe(status)),
            manner = &mut stop => {
                if let Ok(Manner::Asked) = manner {
                    group.ask_to_end(limits.grace).await;
                }
                break End::Stopped;
            }
            _ = memory_check.tick() => {
                let used = tokio::task::spawn_blocking(move || memory::used_by(pid)).await.unwrap_or(0);
                if used > limits.memory {
                    break End::Memory { used, limit: limits.memory };
                }
            }
        }
    };
    group.kill();
    let _nobody_left = tokio::time::timeout(limits.grace, group.0.wait()).await;
    let _nobody_waits = ended.send(Some(end));
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("its status is not known: {error}"),
    }
}
