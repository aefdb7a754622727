//! One case that is played over a driver: its requests and its reports.

use super::super::driver::DriverError;
use super::instance::ClientInstance;
use super::pump::Reports;
use serde_json::{Map, Value};

/// A case of a driver. Dropping it tells the driver to close it, and waits for nothing.
#[derive(Debug)]
pub struct CaseDriver {
    instance: ClientInstance,
    id: String,
    reports: Reports,
    open: bool,
}

/// What a driver answers to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// The library refused it, in these words.
    Refused(String),
    /// There is no such thing in the library.
    Unsupported(String),
}

impl CaseDriver {
    pub(super) fn new(instance: ClientInstance, name: &str) -> Self {
        let (id, reports) = instance.0.core.register(name);
        Self {
            instance,
            id,
            reports,
            open: true,
        }
    }

    /// What the driver knows it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends a command of the protocol, such as `{"do":"connect","nsp":"/",…}`, to which `id` and `case` are added, and
    /// takes its answer. A request that is given up here is answered all the same.
    ///
    /// # Errors
    /// Where no answer comes: the driver, or this case of it, is lost.
    pub async fn request(&self, mut command: Map<String, Value>) -> Result<Answer, DriverError> {
        if let Some(error) = self.reports.flooded() {
            return Err(error);
        }
        command.insert("case".to_owned(), Value::from(self.id.as_str()));
        let shared = &self.instance.0;
        if let Ok(place) = shared.requests.reserve().await
            && let Some(answer) = shared.core.ask(command, place)
            && let Ok(answer) = answer.await
        {
            return Ok(answer);
        }
        Err(shared.core.lost().await)
    }

    /// The next report of this case, as the driver wrote it. `None` when no more can come, because of an
    /// [error](Self::error). May be cancelled.
    pub async fn report(&mut self) -> Option<Value> {
        self.reports.next().await
    }

    /// Why no more reports can come: the driver reported without end for this case, or is lost.
    pub fn error(&self) -> Option<DriverError> {
        self.reports.flooded().or_else(|| self.instance.0.core.cause())
    }

    /// Ends all connections of the case, and waits until the driver says that it was done.
    ///
    /// # Errors
    /// Where no answer comes, or the driver cannot close a case.
    pub async fn close(mut self) -> Result<(), DriverError> {
        let command = Map::from_iter([("do".to_owned(), Value::from("close"))]);
        let answer = self.request(command).await;
        if self.reports.flooded().is_none() {
            self.open = false;
        }
        match answer? {
            Answer::Done => Ok(()),
            Answer::Refused(why) | Answer::Unsupported(why) => Err(DriverError::Unsupported(why)),
        }
    }
}

impl Drop for CaseDriver {
    fn drop(&mut self) {
        let shared = &self.instance.0;
        shared.core.forget(&self.id);
        // Where there is no place, the driver has not read for a long time and is about to be given up.
        if self.open
            && let Ok(place) = shared.requests.try_reserve()
        {
            let command = Map::from_iter([
                ("do".to_owned(), Value::from("close")),
                ("case".to_owned(), Value::from(self.id.as_str())),
            ]);
            let _nobody_waits = shared.core.ask(command, place);
        }
    }
}
