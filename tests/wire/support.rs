//! Servers of a few lines, and a reader of what was recorded that waits with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

use siospec::transcript::{Closed, Event, Request, Response, Side, Wire};
use siospec::wire::{Endpoint, Limits, Seen, Tap};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a free port; its tasks end with it.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    _tasks: JoinSet<()>,
}

/// Runs `handle` for each connection, which it gets with its number, from 0.
pub(crate) async fn serve<F>(handle: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            connections.spawn(handle(number, stream));
        }
    });
    Server {
        endpoint,
        _tasks: tasks,
    }
}

/// A server that reads one request head on each connection, answers with these bytes, and ends the connection.
pub(crate) async fn answer_once(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes = bytes.into();
    serve(move |_, mut stream| {
        let bytes = bytes.clone();
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

/// Reads up to the empty line, and gives the head as text. Empty at the end of the connection.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).unwrap()
}

/// Reads a request with the body that its Content-Length announces.
pub(crate) async fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let head = read_head(stream).await;
    let length = |line: &str| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    };
    let length = head
        .lines()
        .find_map(length)
        .map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

/// A server that answers each request with what `answer` makes of its request line and body.
pub(crate) async fn answering<F>(
    answer: impl Fn(String, Vec<u8>) -> F + Clone + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = Vec<u8>> + Send + 'static,
{
    serve(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            loop {
                let (head, body) = read_request(&mut stream).await;
                let Some(line) = head.lines().next() else { return };
                let bytes = answer(line.to_owned(), body).await;
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// A response with this body.
pub(crate) fn response(status: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Waits until the peer ends the connection, and says whether it did so in order.
pub(crate) async fn ended_in_order(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.is_ok()
}

/// What a tap recorded.
pub(crate) struct Record(mpsc::Receiver<Seen>);

/// A tap with room for what ordinary tests need.
pub(crate) fn tap() -> (Tap, Record) {
    tap_with(Limits {
        entries: 10_000,
        bytes: 10_000_000,
    })
}

/// A tap with these limits.
pub(crate) fn tap_with(limits: Limits) -> (Tap, Record) {
    let (tap, seen) = Tap::new(Instant::now(), limits);
    (tap, Record(seen))
}

impl Record {
    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        self.seen().await.event
    }

    /// The next event with its label and time.
    pub(crate) async fn seen(&mut self) -> Seen {
        in_time("the next event", self.0.recv())
            .await
            .expect("the tap is gone")
    }

    /// The next event, which must be an HTTP response.
    pub(crate) async fn response(&mut self) -> Response {
        match self.next().await {
            Event::Received(Wire::Response(response)) => response,
            other => panic!("expected a response, got {other:?}"),
        }
    }

    /// The next event, which must be an end.
    pub(crate) async fn closed(&mut self) -> Closed {
        match self.next().await {
            Event::Closed(closed) => closed,
            other => panic!("expected an end, got {other:?}"),
        }
    }

    /// Everything that was recorded by now.
    pub(crate) fn so_far(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.0.try_recv().ok())
            .map(|seen| seen.event)
            .collect()
    }

    /// Everything up to the end of the session or channel, which comes last.
    pub(crate) async fn until_closed(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while !matches!(events.last(), Some(Event::Closed(_))) {
            events.push(self.next().await);
        }
        events
    }
}

/// Waits for something that must happen.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// A GET of this target.
pub(crate) fn get(endpoint: &Endpoint, target: &str) -> Request {
    request(endpoint, "GET", target, "")
}

/// A request without headers of its own.
pub(crate) fn request(endpoint: &Endpoint, method: &str, target: &str, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        target: endpoint.resolve_target(target),
        headers: Vec::new(),
        body: body.into(),
    }
}

/// An end by the target.
pub(crate) fn by_target(how: &str, code: Option<u16>) -> Closed {
    Closed {
        by: Side::Target,
        how: how.to_owned(),
        code,
    }
}

/// A text that was received.
pub(crate) fn text(text: &str) -> Event {
    Event::Received(Wire::Text(text.to_owned()))
}
