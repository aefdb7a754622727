//! Between the tasks of the connections and the one [`Stack`]: a lock, a clock and a channel for each exchange.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Response;
use tokio::sync::{
    Notify,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use crate::{
    engine::{ExchangeId, Message, Millis, Transmit},
    options::Options,
    seams::WireFilter,
    stack::Stack,
};

/// How many bytes may wait for a WebSocket client that does not read before it is cut off.
const MAX_QUEUED: usize = 16 << 20;

/// What a connection's task is to do for one exchange.
pub(super) enum Directive {
    Respond(Response<Bytes>),
    ReadBody { limit: usize },
    Accept(Response<Bytes>),
    Frame(Message),
    Close(u16),
}

/// The server's state, shared by all its tasks.
pub(super) struct Driver {
    state: Mutex<State>,
    wake: Notify,
    started: Instant,
}

struct State {
    stack: Stack,
    next_exchange: u64,
    channels: HashMap<ExchangeId, Channel>,
    /// What the timer task sleeps for.
    timeout: Option<Millis>,
}

struct Channel {
    sender: UnboundedSender<Directive>,
    queued: Arc<AtomicUsize>,
    cut: Arc<Notify>,
}

impl Driver {
    pub(super) fn new(options: &Options) -> Arc<Self> {
        let state = State {
            stack: options.build(random_ids),
            next_exchange: 0,
            channels: HashMap::new(),
            timeout: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            wake: Notify::new(),
            started: Instant::now(),
        })
    }

    /// Opens a channel for a new exchange.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let (sender, directives) = unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let cut = Arc::new(Notify::new());
        let mut state = self.lock();
        state.next_exchange += 1;
        let id = ExchangeId(state.next_exchange);
        state.channels.insert(
            id,
            Channel {
                sender,
                queued: queued.clone(),
                cut: cut.clone(),
            },
        );
        drop(state);
        Exchange {
            driver: self.clone(),
            id,
            directives,
            queued,
            cut,
        }
    }

    /// Keeps the timers of the stack; never returns.
    pub(super) async fn run_timers(&self) {
        loop {
            let timeout = self.lock().timeout;
            let due = async {
                match timeout {
                    Some(at) => {
                        tokio::time::sleep_until((self.started + Duration::from_millis(at)).into()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.act(Stack::handle_timeout),
                () = self.wake.notified() => {}
            }
        }
    }

    /// Lets something happen to the stack, then hands out what it wants.
    fn act(&self, act: impl FnOnce(&mut Stack, Millis)) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        act(&mut state.stack, now);
        while let Some(transmit) = state.stack.poll_transmit() {
            if let Some(overflowing) = state.dispatch(transmit) {
                state.stack.handle_gone(now, overflowing);
            }
        }
        let timeout = state.stack.poll_timeout();
        if timeout != state.timeout {
            state.timeout = timeout;
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic in one connection's task must not take the other connections with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Hands a transmit to its task. Returns the exchange if its queue is too long: it has been cut off then.
    fn dispatch(&mut self, transmit: Transmit) -> Option<ExchangeId> {
        let (exchange, directive, size) = match transmit {
            Transmit::Respond(exchange, response) => (exchange, Directive::Respond(response), 0),
            Transmit::ReadBody { exchange, limit } => (exchange, Directive::ReadBody { limit }, 0),
            Transmit::Accept(exchange, response) => (exchange, Directive::Accept(response), 0),
            Transmit::Close(exchange, code) => (exchange, Directive::Close(code), 0),
            Transmit::Frame(exchange, message) => {
                let size = message.len();
                (exchange, Directive::Frame(message), size)
            }
        };
        let channel = self.channels.get(&exchange)?;
        if channel.queued.fetch_add(size, Ordering::Relaxed) + size > MAX_QUEUED {
            channel.cut.notify_one();
            self.channels.remove(&exchange);
            return Some(exchange);
        }
        // The receiver lives as long as its exchange; one that is gone needs nothing any more.
        let _ = channel.sender.send(directive);
        None
    }
}

/// One HTTP exchange, or the WebSocket that it became. When it is dropped the stack hears that the client is gone.
pub(super) struct Exchange {
    driver: Arc<Driver>,
    id: ExchangeId,
    directives: UnboundedReceiver<Directive>,
    queued: Arc<AtomicUsize>,
    cut: Arc<Notify>,
}

impl Exchange {
    pub(super) fn handle_request(&self, head: http::request::Parts) {
        self.driver
            .act(|stack, now| stack.handle_request(now, self.id, head));
    }

    pub(super) fn handle_body(&self, body: Bytes) {
        self.driver
            .act(|stack, now| stack.handle_body(now, self.id, body));
    }

    pub(super) fn handle_body_too_large(&self) {
        self.driver
            .act(|stack, now| stack.handle_body_too_large(now, self.id));
    }

    pub(super) fn handle_ws_open(&self) {
        self.driver.act(|stack, now| stack.handle_ws_open(now, self.id));
    }

    pub(super) fn handle_frame(&self, frame: Message) {
        self.driver
            .act(|stack, now| stack.handle_frame(now, self.id, frame));
    }

    pub(super) fn max_payload(&self) -> usize {
        self.driver.lock().stack.max_payload()
    }

    pub(super) fn wire_filter(&self) -> Option<WireFilter> {
        self.driver.lock().stack.wire_filter()
    }

    /// What to do next; `None` if the exchange has been cut off.
    pub(super) async fn next(&mut self) -> Option<Directive> {
        self.directives.recv().await
    }

    /// What to do next, if it is known already.
    pub(super) fn try_next(&mut self) -> Option<Directive> {
        self.directives.try_recv().ok()
    }

    /// So many bytes of frames have been written.
    pub(super) fn written(&self, size: usize) {
        self.queued.fetch_sub(size, Ordering::Relaxed);
    }

    /// Resolves when the exchange is cut off because its client does not read.
    pub(super) fn cut(&self) -> Arc<Notify> {
        self.cut.clone()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.driver.lock().channels.remove(&self.id);
        self.driver.act(|stack, now| stack.handle_gone(now, self.id));
    }
}

/// Ids of 128 random bits, safe in a URL.
fn random_ids() -> Box<dyn FnMut() -> String + Send> {
    Box::new(|| {
        generate_key()
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_")
    })
}
