//! What goes to a driver and comes from it while many cases share it: answers find those who asked, reports their case.
//!
//! **Invariant:** requests are written in the order of their ids, which is the order in which answers must come. The
//! driver is lost once, by the first cause; after that nobody waits any more.

use super::super::driver::{DriverError, Reader, Received, Report, Writer, rubbish};
use super::case::Answer;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

/// How many requests may wait to be written.
pub(super) const WAITING_REQUESTS: usize = 1024;
/// How many reports of a case may wait to be read.
const WAITING_REPORTS: usize = 10_000;
/// How long these may be together, in bytes.
const WAITING_BYTES: usize = 64 << 20;

/// What the cases and the task between them and the driver share.
#[derive(Debug)]
pub(super) struct Core {
    patience: Duration,
    state: Mutex<State>,
    asked: Notify,
    lost: watch::Sender<Option<DriverError>>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    last_case: u64,
    asked: VecDeque<Asked>,
    cases: BTreeMap<String, Inbox>,
    /// The closed case that was reported for last, and how often.
    late: (String, usize),
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Asked {
    id: u64,
    at: Instant,
    reply: oneshot::Sender<Answer>,
}

/// Where the reports of a case go.
#[derive(Debug)]
struct Inbox {
    reports: mpsc::Sender<(Value, usize)>,
    waiting: Arc<AtomicUsize>,
    flooded: Arc<OnceLock<DriverError>>,
}

/// The other end of an inbox.
#[derive(Debug)]
pub(super) struct Reports {
    reports: mpsc::Receiver<(Value, usize)>,
    waiting: Arc<AtomicUsize>,
    flooded: Arc<OnceLock<DriverError>>,
}

impl Reports {
    /// The next report; `None` when no more can come. May be cancelled.
    pub(super) async fn next(&mut self) -> Option<Value> {
        let (report, size) = self.reports.recv().await?;
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        Some(report)
    }

    /// The error for a case that was reported to without end.
    pub(super) fn flooded(&self) -> Option<DriverError> {
        self.flooded.get().cloned()
    }
}

impl Core {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            state: Mutex::default(),
            asked: Notify::new(),
            lost: watch::Sender::new(None),
        }
    }

    /// Registers a case: its id, and where its reports arrive.
    pub(super) fn register(&self, name: &str) -> (String, Reports) {
        let mut state = self.state();
        state.last_case += 1;
        let id = format!("c{}:{name}", state.last_case);
        let (sender, receiver) = mpsc::channel(WAITING_REPORTS);
        let waiting = Arc::new(AtomicUsize::new(0));
        let flooded = Arc::new(OnceLock::new());
        let inbox = Inbox {
            reports: sender,
            waiting: waiting.clone(),
            flooded: flooded.clone(),
        };
        if self.cause().is_none() {
            state.cases.insert(id.clone(), inbox);
        }
        let reports = Reports {
            reports: receiver,
            waiting,
            flooded,
        };
        (id, reports)
    }

    /// Forgets a case; what is still reported for it is ignored.
    pub(super) fn forget(&self, case: &str) {
        self.state().cases.remove(case);
    }

    /// Puts a request, to which an id is given, in its place in the line. `None` once the driver is lost.
    pub(super) fn ask(
        &self,
        mut request: Map<String, Value>,
        place: mpsc::Permit<'_, Value>,
    ) -> Option<oneshot::Receiver<Answer>> {
        let mut state = self.state();
        if self.cause().is_some() {
            return None;
        }
        state.last_id += 1;
        let id = state.last_id;
        request.insert("id".to_owned(), id.into());
        let (reply, answer) = oneshot::channel();
        let at = Instant::now();
        state.asked.push_back(Asked { id, at, reply });
        place.send(Value::Object(request));
        self.asked.notify_one();
        Some(answer)
    }

    /// The first cause for which the driver is lost, if it is.
    pub(super) fn cause(&self) -> Option<DriverError> {
        self.lost.borrow().clone()
    }

    /// Waits until the driver is lost.
    pub(super) async fn lost(&self) -> DriverError {
        let mut lost = self.lost.subscribe();
        loop {
            if let Some(error) = lost.borrow_and_update().clone() {
                return error;
            }
            // The sender is a part of this, so that there is always one.
            let _there_is_one = lost.changed().await;
        }
    }

    /// Gives the driver up, unless that was done before; all who wait are told.
    pub(super) fn lose(&self, error: DriverError) {
        self.lost.send_if_modified(|lost| {
            let first = lost.is_none();
            lost.get_or_insert(error);
            first
        });
        let mut state = self.state();
        state.asked.clear();
        state.cases.clear();
    }

    /// When the request that waits longest must be answered.
    fn deadline(&self) -> Option<Instant> {
        self.state().asked.front().map(|asked| asked.at + self.patience)
    }

    fn take(&self, message: Received) -> Result<(), DriverError> {
        if let Some(id) = message.value.get("id") {
            self.answer(id, &message.value)
        } else if message.value.get("report").is_some() {
            self.report(message)
        } else {
            let why = "it has neither an `id` nor a `report`".to_owned();
            Err(rubbish(&message.value.to_string(), "answer or report", why))
        }
    }

    fn answer(&self, id: &Value, message: &Value) -> Result<(), DriverError> {
        let came = || id.to_string();
        let mut state = self.state();
        let Some(first) = state.asked.front() else {
            return Err(DriverError::Unasked { came: came() });
        };
        if id.as_u64() != Some(first.id) {
            let (expected, came) = (first.id, came());
            return Err(DriverError::Foreign { expected, came });
        }
        let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let answer = match (message.get("unsupported"), message.get("error")) {
            (Some(why), _) => Answer::Unsupported(words(why)),
            (None, Some(why)) => Answer::Refused(words(why)),
            (None, None) => Answer::Done,
        };
        if let Some(first) = state.asked.pop_front() {
            let _nobody_waits_any_more = first.reply.send(answer);
        }
        Ok(())
    }

    fn report(&self, message: Received) -> Result<(), DriverError> {
        let Received { value, size } = message;
        Report::check(&value).map_err(|why| rubbish(&value.to_string(), "report", why))?;
        let case = value["case"].as_str().unwrap_or_default().to_owned();
        let mut state = self.state();
        let Some(inbox) = state.cases.get(&case) else {
            if !number_of(&case).is_some_and(|number| (1..=state.last_case).contains(&number)) {
                return Err(DriverError::UnknownCase { case });
            }
            if state.late.0 != case {
                state.late = (case.clone(), 0);
            }
            state.late.1 += 1;
            let (waiting, bytes) = (state.late.1, 0);
            return if waiting > WAITING_REPORTS {
                Err(DriverError::CaseFlood { case, waiting, bytes })
            } else {
                Ok(())
            };
        };
        let before = inbox.waiting.fetch_add(size, Ordering::Relaxed);
        let room = before + size <= WAITING_BYTES || before == 0;
        if !room || inbox.reports.try_send((value, size)).is_err() {
            let waiting = WAITING_REPORTS - inbox.reports.capacity();
            let (bytes, name) = (before, case.clone());
            let _first = inbox.flooded.set(DriverError::CaseFlood {
                case: name,
                waiting,
                bytes,
            });
            state.cases.remove(&case);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number in the id of a case.
fn number_of(case: &str) -> Option<u64> {
    case.strip_prefix('c')?.split(':').next()?.parse().ok()
}

/// Serves a driver until it is lost.
pub(super) async fn pump(
    core: Arc<Core>,
    mut reader: Reader,
    mut writer: Writer,
    mut requests: mpsc::Receiver<Value>,
) {
    let write = async {
        while let Some(request) = requests.recv().await {
            writer.send(request, &[]).await;
        }
        std::future::pending().await
    };
    let error = tokio::select! {
        error = read(&core, &mut reader) => error,
        never = write => never,
    };
    core.lose(error);
    reader.kill().await;
}

async fn read(core: &Core, reader: &mut Reader) -> DriverError {
    loop {
        let deadline = core.deadline();
        let too_late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // First, so that who never stops reporting does not get around answering.
            () = too_late => return reader.silent(core.patience),
            message = reader.next("answer or report") => {
                if let Err(error) = message.and_then(|message| core.take(message)) {
                    return error;
                }
            }
            () = core.asked.notified(), if deadline.is_none() => {}
        }
    }
}
