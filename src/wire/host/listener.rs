//! Listening: every request of the client is told, and waits for its answer.
//!
//! Owns the socket, the connections and what waits on them. HTTP itself is hyper's. How many connections and requests
//! there may be is bounded, so that a client that floods ends in a verdict.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::connection::{Ending, Io};
use super::message::{Answer, Arrived, What, describe, response};
use super::websocket::{self, Written};
use crate::notation::Mask;
use crate::transcript::Frame;
use crate::wire::tap::Tap;
use crate::wire::websocket_frame as frame;

/// How many connections a client may have open in one case.
const MOST_CONNECTIONS: usize = 256;
/// How many requests it may make in one case.
const MOST_REQUESTS: u64 = 10_000;

/// The player's own server. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Host {
    port: u16,
    desk: Arc<Desk>,
    _accept: JoinSet<()>,
}

/// Where requests wait, and WebSockets are written to.
#[derive(Debug)]
struct Desk {
    tap: Tap,
    arrived: mpsc::Sender<Arrived>,
    requests: AtomicU64,
    connections: AtomicUsize,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

#[derive(Debug)]
enum Waiting {
    Request(oneshot::Sender<Answer>, mpsc::Sender<Written>, Ending),
    WebSocket(mpsc::Sender<Written>, Ending),
}

impl Host {
    /// Listens on a free port of the loopback interface. What arrives is charged to the budget of `tap`.
    ///
    /// # Errors
    /// Where the system has no port.
    pub async fn start(tap: Tap) -> std::io::Result<(Self, mpsc::Receiver<Arrived>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (arrived, receiver) = mpsc::channel(MOST_CONNECTIONS * 4);
        let desk = Arc::new(Desk {
            tap,
            arrived,
            requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            waiting: Mutex::new(HashMap::new()),
        });
        let mut accept = JoinSet::new();
        accept.spawn(accept_loop(listener, Arc::clone(&desk)));
        Ok((
            Self {
                port,
                desk,
                _accept: accept,
            },
            receiver,
        ))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers a request; whether somebody still waited for it.
    pub fn answer(&self, exchange: u64, answer: Answer) -> bool {
        let mut waiting = self.desk.waiting();
        match waiting.remove(&exchange) {
            Some(Waiting::Request(sender, frames, ending)) => {
                let accepts = answer.status == 101;
                let heard = sender.send(answer).is_ok();
                if heard && accepts {
                    waiting.insert(exchange, Waiting::WebSocket(frames, ending));
                }
                heard
            }
            Some(websocket) => {
                waiting.insert(exchange, websocket);
                false
            }
            None => false,
        }
    }

    /// Sends a frame over the WebSocket of an exchange; whether there is one. `length` is what the header claims.
    pub async fn frame(&self, exchange: u64, frame: &Frame, mask: Mask, length: Option<u64>) -> bool {
        // What is proper for a server is no mask.
        let mask = if mask == Mask::Proper { Mask::None } else { mask };
        let closes = frame.opcode == frame::CLOSE;
        let bytes = frame::encode(frame, mask, length);
        let sender = match self.desk.waiting().get(&exchange) {
            Some(Waiting::WebSocket(sender, _)) => sender.clone(),
            _ => return false,
        };
        sender.send(Written { bytes, closes }).await.is_ok()
    }

    /// Ends the connection of an exchange without a word, or with a TCP reset.
    pub fn end(&self, exchange: u64, reset: bool) {
        match self.desk.take(exchange) {
            Some(Waiting::Request(_, _, ending) | Waiting::WebSocket(_, ending)) => ending.end(reset),
            None => {}
        }
    }
}

impl Desk {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, exchange: u64) -> Option<Waiting> {
        self.waiting().remove(&exchange)
    }

    async fn tell(&self, exchange: u64, what: What) {
        let at = self.tap.now();
        // Fails when the case is over.
        let _ = self.arrived.send(Arrived { at, exchange, what }).await;
    }
}

async fn accept_loop(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) if desk.connections.load(Ordering::SeqCst) < MOST_CONNECTIONS => {
                    desk.connections.fetch_add(1, Ordering::SeqCst);
                    connections.spawn(serve(tcp, Arc::clone(&desk)));
                }
                Ok(_) => desk.tell(0, What::TooMuch(format!("more than {MOST_CONNECTIONS} connections at once"))).await,
                // The system has no more; those that end make room.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {
                desk.connections.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

async fn serve(tcp: TcpStream, desk: Arc<Desk>) {
    // Fails only when the connection is no more.
    let _ = tcp.set_nodelay(true);
    let (io, ending) = Io::new(tcp);
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let service = {
        let (desk, ending) = (Arc::clone(&desk), ending.clone());
        service_fn(move |request| ask(request, Arc::clone(&desk), ending.clone(), upgrades.clone()))
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    tokio::select! {
        biased;
        () = ending.wanted() => return,
        // How it ends is told by those who wait for answers.
        _ = connection => {}
    }
    let Ok((exchange, upgrade, queue)) = upgraded.try_recv() else {
        return;
    };
    let Upgrade { on_upgrade } = upgrade;
    let Ok(parts) = on_upgrade
        .await
        .map(|connection| connection.downcast::<TokioIo<Io>>())
    else {
        return desk
            .tell(exchange, What::Gone("TCP connection ended".to_owned(), None))
            .await;
    };
    let Ok(parts) = parts else { return };
    let teller = Teller {
        desk: Arc::clone(&desk),
        exchange,
    };
    let speak = websocket::run(parts.io.into_inner(), parts.read_buf, queue, &teller);
    tokio::select! {
        biased;
        () = ending.wanted() => {}
        () = speak => {}
    }
    desk.take(exchange);
}

/// Tells what happens on the WebSocket of an exchange.
pub(super) struct Teller {
    desk: Arc<Desk>,
    exchange: u64,
}

impl Teller {
    pub(super) async fn tell(&self, what: What) {
        self.desk.tell(self.exchange, what).await;
    }

    pub(super) fn tap(&self) -> &Tap {
        &self.desk.tap
    }
}

/// The change of a connection from HTTP to WebSocket.
struct Upgrade {
    on_upgrade: hyper::upgrade::OnUpgrade,
}

type Upgrades = mpsc::Sender<(u64, Upgrade, mpsc::Receiver<Written>)>;

/// Tells of a request and waits for its answer, for as long as the client does.
async fn ask(
    mut request: hyper::Request<Incoming>,
    desk: Arc<Desk>,
    ending: Ending,
    upgrades: Upgrades,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let exchange = desk.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let (frames, queue) = mpsc::channel(websocket::OUTBOX);
    let (sender, answer) = oneshot::channel();
    let key = request
        .headers()
        .get("sec-websocket-key")
        .map(|key| key.as_bytes().to_vec());
    let on_upgrade = hyper::upgrade::on(&mut request);
    let described = match describe(request, &desk.tap).await {
        Ok(_) if exchange > MOST_REQUESTS => Err(format!("more than {MOST_REQUESTS} requests")),
        described => described,
    };
    let described = match described {
        Ok(described) => described,
        Err(why) => {
            desk.tell(exchange, What::TooMuch(why)).await;
            std::future::pending::<()>().await;
            return Ok(hyper::Response::default());
        }
    };
    desk.waiting()
        .insert(exchange, Waiting::Request(sender, frames, ending));
    let waits = Waits {
        desk: Arc::clone(&desk),
        exchange,
    };
    desk.tell(exchange, What::Request(described)).await;
    let Ok(answer) = answer.await else {
        // The connection is being ended.
        std::future::pending::<()>().await;
        return Ok(hyper::Response::default());
    };
    waits.settle();
    if answer.status == 101 {
        // There is room for one, and a connection changes over once.
        let _ = upgrades.try_send((exchange, Upgrade { on_upgrade }, queue));
    }
    Ok(response(answer, key))
}

/// Notices when a client gives up waiting.
struct Waits {
    desk: Arc<Desk>,
    exchange: u64,
}

impl Waits {
    /// The answer is there: whatever happens to the connection now is no giving up.
    fn settle(self) {
        std::mem::forget(self);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if self.desk.take(self.exchange).is_none() {
            return;
        }
        let gone = Arrived {
            at: self.desk.tap.now(),
            exchange: self.exchange,
            what: What::Gone("the client gave up waiting".to_owned(), None),
        };
        // Fails when the case is over, or full of what came before.
        let _ = self.desk.arrived.try_send(gone);
    }
}
