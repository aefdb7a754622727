//! What asks siospec to end: Ctrl-C, and the signals that stop a job.

use super::exit::{Exit, Failure};
use super::run::not_started;
use crate::target::StartError;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// For how long the same signal again is the same interruption: `timeout` and others that start programs send it to the program
/// and to its group.
const ECHO: Duration = Duration::from_millis(250);

/// Waits for the end of what is `playing`. The first interruption is passed on, so that it ends in order; the second one ends
/// it at once.
pub(super) async fn heeding<T>(
    playing: impl Future<Output = Result<T, StartError>>,
    interrupt: &watch::Sender<bool>,
) -> Result<T, Failure> {
    let mut interruptions = Interruptions::listen()?;
    tokio::pin!(playing);
    let mut heard = Heard::default();
    loop {
        tokio::select! {
            played = &mut playing => return played.map_err(not_started),
            interruption = interruptions.next() => match heard.take(interruption, Instant::now()) {
                Meaning::First => drop(interrupt.send_replace(true)),
                Meaning::Echo => {}
                Meaning::Second => {
                    let error = anyhow::anyhow!("interrupted twice");
                    return Err(Failure { exit: Exit::Interrupted, error });
                }
            }
        }
    }
}

/// The first interruption, and when it came.
#[derive(Default)]
struct Heard(Option<(Interruption, Instant)>);

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    First,
    Echo,
    Second,
}

impl Heard {
    fn take(&mut self, interruption: Interruption, now: Instant) -> Meaning {
        match self.0 {
            None => {
                self.0 = Some((interruption, now));
                Meaning::First
            }
            Some((same, at)) if same == interruption && now.duration_since(at) < ECHO => Meaning::Echo,
            Some(_) => Meaning::Second,
        }
    }
}

/// What asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Ctrl-C.
    Interrupt,
    /// A job is stopped.
    #[cfg(unix)]
    Terminate,
    /// The terminal is gone.
    #[cfg(unix)]
    HangUp,
}

/// Ctrl-C, and what else asks a program to end.
pub(super) struct Interruptions {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

#[cfg(unix)]
impl Interruptions {
    /// From now on signals are collected here and no longer end the program.
    pub(super) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self {
            signals: [interrupt?, terminate?, hangup?],
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Interruption {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => Interruption::Interrupt,
            _ = terminate.recv() => Interruption::Terminate,
            _ = hangup.recv() => Interruption::HangUp,
        }
    }
}

#[cfg(not(unix))]
impl Interruptions {
    /// From now on Ctrl-C is collected here and no longer ends the program.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Interruption {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Interruption::Interrupt
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_comes_doubled_is_one_interruption() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        let mut take = |interruption, ms| heard.take(interruption, now + Duration::from_millis(ms));
        assert_eq!(take(Interruption::Terminate, 0), Meaning::First);
        assert_eq!(take(Interruption::Terminate, 249), Meaning::Echo);
        assert_eq!(take(Interruption::Terminate, 250), Meaning::Second);
        assert_eq!(take(Interruption::Interrupt, 1), Meaning::Second);
    }
}
