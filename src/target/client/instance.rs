//! A driver that runs, shared by the cases that are played over it.

use super::super::driver::{DriverError, Hello, Pipe};
use super::super::group::End;
use super::super::launch::Process;
use super::case::CaseDriver;
use super::pump::{Core, WAITING_REQUESTS, pump};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// A driver of a client that runs. Clones are the same driver; dropping the last, and the last case, kills its process group.
#[derive(Clone, Debug)]
pub struct ClientInstance(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    hello: Hello,
    pub(super) core: Arc<Core>,
    pub(super) requests: mpsc::Sender<Value>,
    process: Option<Arc<Process>>,
    pump: AbortHandle,
}

impl ClientInstance {
    /// Takes over a driver that has introduced itself.
    pub(super) fn new(pipe: Pipe, patience: Duration) -> Self {
        let core = Arc::new(Core::new(patience));
        let (requests, waiting) = mpsc::channel(WAITING_REQUESTS);
        let process = pipe.reader.process().cloned();
        let running = pump(core.clone(), pipe.reader, pipe.writer, waiting);
        Self(Arc::new(Shared {
            hello: pipe.hello,
            core,
            requests,
            process,
            pump: tokio::spawn(running).abort_handle(),
        }))
    }

    /// What the driver said of itself.
    pub fn hello(&self) -> &Hello {
        &self.0.hello
    }

    /// Registers a case. Its id is unique in this process; `name` is a part of it, for the eyes of those who read along.
    pub fn case(&self, name: &str) -> CaseDriver {
        CaseDriver::new(self.clone(), name)
    }

    /// Resolves when the driver is of no further use, with the first cause: its process ended, it wrote rubbish or
    /// without end, answered what nobody asked, did not answer, or reported for a case that there never was.
    pub async fn lost(&self) -> DriverError {
        self.0.core.lost().await
    }

    /// Whether the driver still answers: it is asked for a command that nobody knows.
    ///
    /// # Errors
    /// How it was lost.
    pub async fn health(&self) -> Result<(), DriverError> {
        let request = Map::from_iter([("do".to_owned(), Value::from("siospec-health"))]);
        self.case("health").request(request).await.map(|_| ())
    }

    /// Asks the driver to end, and waits until it is gone.
    pub async fn stop(&self) {
        let (end, tail) = (End::Stopped, String::new());
        self.0.core.lose(DriverError::Ended { end, tail });
        self.0.pump.abort();
        if let Some(process) = &self.0.process {
            process.stop().await;
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pump.abort();
    }
}
