//! How long the runner itself is held up: what timed checks are judged against.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the monitor looks at the clock.
const TICK: Duration = Duration::from_millis(5);
/// A tick that is late by less is no lag: timers have a granularity of a millisecond.
const TOLERATED: Duration = Duration::from_millis(2);

/// Adds up by how much a task that wakes every few milliseconds was late. Ends with its last clone.
#[derive(Clone, Debug)]
pub struct LagMonitor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    micros: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl LagMonitor {
    /// Starts the monitor on the current runtime.
    pub fn start() -> Self {
        let micros = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&micros);
        let task = tokio::spawn(async move {
            loop {
                let before = Instant::now();
                tokio::time::sleep(TICK).await;
                let late = before.elapsed().saturating_sub(TICK);
                if late > TOLERATED {
                    counter.fetch_add(
                        u64::try_from(late.as_micros()).unwrap_or(u64::MAX),
                        Ordering::Relaxed,
                    );
                }
            }
        });
        Self {
            shared: Arc::new(Shared { micros, task }),
        }
    }

    /// All lag since the start, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a run does not last for centuries")]
    pub fn total_ms(&self) -> f64 {
        self.shared.micros.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}
