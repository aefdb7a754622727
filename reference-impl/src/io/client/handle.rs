//! Between the tasks of the requests and WebSockets and the one [`ClientStack`]: a lock, a clock, and the application.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{
        Notify,
        mpsc::{UnboundedSender, unbounded_channel},
    },
    task::AbortHandle,
};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::{
    request::perform,
    url::ServerUrl,
    websocket::{self, Directive, Directives},
};
use crate::{
    client::{
        ClientOptions, ClientStack, Random,
        engine::{Arrival, Transmit},
        seams::{Seams, WireFilters},
        socket::{Command, Refused, Report},
    },
    engine::{ExchangeId, Message, Millis},
};

/// How many bytes may wait for a server that does not read before the WebSocket counts as broken.
const MAX_QUEUED: usize = 64 << 20;

/// What the application hears.
#[derive(Debug)]
pub enum Told {
    /// Something happened.
    Report(Report),
    /// The client was given a deliberate fault, and it is one that ends a program. Nothing comes after it.
    Crashed(&'static str),
}

/// The application: it is told what happens, and what it returns is done at once. It must not block.
pub type Application = Box<dyn FnMut(Told) -> Vec<Command> + Send>;

/// A running client. Dropping it ends all that it runs at once, and nothing more is told.
pub struct ClientHandle {
    shared: Arc<Shared>,
}

/// What the tasks of a client share.
pub(super) struct Shared {
    pub(super) url: ServerUrl,
    state: Mutex<State>,
    wake: Notify,
    started: Instant,
    runtime: Handle,
}

struct State {
    stack: ClientStack,
    /// `None` once the client has ended.
    application: Option<Application>,
    running: HashMap<ExchangeId, Running>,
    timers: Option<AbortHandle>,
    /// What the timer task sleeps for.
    timeout: Option<Millis>,
}

/// A task that carries a request or a WebSocket.
struct Running {
    task: AbortHandle,
    /// Where a WebSocket gets its directives.
    directives: Option<(UnboundedSender<Directive>, Arc<AtomicUsize>)>,
}

impl ClientHandle {
    /// A client of the server at `url` that runs on `runtime`. Nothing is sent before the first command.
    pub fn new(runtime: Handle, url: ServerUrl, options: ClientOptions, application: Application) -> Self {
        Self::with_seams(
            runtime,
            url,
            options,
            Box::new(crate::client::seams::NoFault),
            application,
        )
    }

    pub(crate) fn with_seams(
        runtime: Handle,
        url: ServerUrl,
        mut options: ClientOptions,
        seams: Box<dyn Seams>,
        application: Application,
    ) -> Self {
        options.query.splice(0..0, url.query.iter().cloned());
        let state = State {
            stack: ClientStack::with_seams(options, seams, random),
            application: Some(application),
            running: HashMap::new(),
            timers: None,
            timeout: None,
        };
        let shared = Arc::new(Shared {
            url,
            state: Mutex::new(state),
            wake: Notify::new(),
            started: Instant::now(),
            runtime,
        });
        let timers = shared.runtime.spawn(run_timers(shared.clone()));
        shared.lock().timers = Some(timers.abort_handle());
        Self { shared }
    }

    /// Does what the application wants. `answered` hears whether it is done, before anything that comes of it is told.
    pub fn command(&self, command: Command, answered: impl FnOnce(Result<(), Refused>)) {
        self.shared
            .act(|stack, now| stack.handle_command(now, command), answered);
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        self.shared.lock().end();
    }
}

impl Shared {
    /// Something came from the network.
    pub(super) fn arrive(self: &Arc<Self>, arrival: Arrival) {
        self.act(|stack, now| stack.handle_arrival(now, arrival), |()| ());
    }

    /// Lets something happen to the stack, then does what it wants and tells what it reports.
    fn act<R>(self: &Arc<Self>, act: impl FnOnce(&mut ClientStack, Millis) -> R, then: impl FnOnce(R)) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(application) = &mut state.application else {
            return;
        };
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        then(act(&mut state.stack, now));
        loop {
            while let Some(transmit) = state.stack.poll_transmit() {
                if let Some(broken) = dispatch(self, &mut state.running, transmit) {
                    state.stack.handle_arrival(now, broken);
                }
            }
            let Some(report) = state.stack.poll_report() else {
                break;
            };
            for command in application(Told::Report(report)) {
                // Whoever wants to hear of a refusal does not command from within a report.
                let _ = state.stack.handle_command(now, command);
            }
        }
        if let Some(why) = state.stack.crashed() {
            application(Told::Crashed(why));
            state.end();
            return;
        }
        let timeout = state.stack.poll_timeout();
        if timeout != state.timeout {
            state.timeout = timeout;
            self.wake.notify_one();
        }
    }

    /// What a deliberate fault does to the frames of WebSockets.
    pub(super) fn wire_filters(&self) -> WireFilters {
        self.lock().stack.wire_filters()
    }

    /// A task has ended by itself.
    fn forget(&self, exchange: ExchangeId) {
        self.lock().running.remove(&exchange);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in one task must not take the others with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ends everything; nothing is told from now on.
    fn end(&mut self) {
        self.application = None;
        self.running.drain().for_each(|(_, running)| running.task.abort());
        if let Some(timers) = self.timers.take() {
            timers.abort();
        }
    }
}

/// Does what the stack wants on the network. Returns what is to be told to it at once, if anything.
fn dispatch(
    shared: &Arc<Shared>,
    running: &mut HashMap<ExchangeId, Running>,
    transmit: Transmit,
) -> Option<Arrival> {
    let own = shared.clone();
    match transmit {
        Transmit::Request(exchange, request) => {
            let task = shared.runtime.spawn(async move {
                let arrival = match perform(&own.url, request).await {
                    Ok(response) => Arrival::Response(exchange, response),
                    Err(error) => Arrival::Failed(exchange, error.to_string()),
                };
                own.forget(exchange);
                own.arrive(arrival);
            });
            running.insert(
                exchange,
                Running {
                    task: task.abort_handle(),
                    directives: None,
                },
            );
        }
        Transmit::OpenWebSocket(exchange, request) => {
            let (sender, receiver) = unbounded_channel();
            let queued = Arc::new(AtomicUsize::new(0));
            let directives = Directives {
                receiver,
                queued: queued.clone(),
            };
            let task = shared.runtime.spawn(async move {
                websocket::run(&own, exchange, request, directives).await;
                own.forget(exchange);
            });
            running.insert(
                exchange,
                Running {
                    task: task.abort_handle(),
                    directives: Some((sender, queued)),
                },
            );
        }
        Transmit::Frame(exchange, message) => return send(running, exchange, message),
        Transmit::Close(exchange, code) => {
            if let Some((sender, _)) = running.get_mut(&exchange).and_then(|task| task.directives.take()) {
                // The receiver lives as long as its task; one that has ended needs nothing any more.
                let _ = sender.send(Directive::Close(code));
            }
        }
        Transmit::Abort(exchange) => {
            if let Some(running) = running.remove(&exchange) {
                running.task.abort();
            }
        }
    }
    None
}

fn send(
    running: &mut HashMap<ExchangeId, Running>,
    exchange: ExchangeId,
    message: Message,
) -> Option<Arrival> {
    let (sender, queued) = running.get(&exchange)?.directives.as_ref()?;
    let size = message.len();
    if queued.fetch_add(size, Ordering::Relaxed) + size <= MAX_QUEUED {
        let _ = sender.send(Directive::Frame(message));
        return None;
    }
    running.remove(&exchange)?.task.abort();
    Some(Arrival::WsClosed(exchange, "the server does not read".into()))
}

/// Keeps the timers of the stack until it is aborted.
async fn run_timers(shared: Arc<Shared>) {
    loop {
        let timeout = shared.lock().timeout;
        let due = async {
            // What is beyond all time never comes.
            match timeout.and_then(|at| shared.started.checked_add(Duration::from_millis(at))) {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => shared.act(ClientStack::handle_timeout, |()| ()),
            () = shared.wake.notified() => {}
        }
    }
}

/// A source of random numbers from 0 to 1.
fn random() -> Random {
    Box::new(|| {
        // A key of a WebSocket handshake is 128 random bits in base64: 22 digits of six bits each but the last.
        let bits = generate_key().bytes().take(8).fold(0_u64, |bits, digit| {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                _ => 63,
            };
            bits << 6 | u64::from(value)
        });
        bits as f64 / (1_u64 << 48) as f64
    })
}
