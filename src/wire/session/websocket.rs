//! The WebSocket of a session: opened by the target's rules, read and written side by side.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::outgoing::{Out, Outgoing};
use super::shared::{Flow, Shared, Task, excerpt};
use crate::transcript::Side;
use crate::wire::Endpoint;
use crate::wire::payload::Packet;
use crate::wire::stream::{Stream, describe};
use crate::wire::tap::{LimitReached, Tap};

/// How much is read at once, in bytes. The buffer is made, and cleared, for each connection.
const READ: usize = 8 * 1024;

/// A WebSocket to the target.
pub(super) type Socket = WebSocketStream<Stream>;

/// A session that speaks over a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    reset: Option<oneshot::Sender<()>>,
    task: Task<()>,
}

/// Opens a WebSocket; the text says why there is none.
pub(super) async fn connect(endpoint: &Endpoint, target: &str, tap: &Tap) -> Result<Socket, String> {
    let stream = Stream::connect(endpoint)
        .await
        .map_err(|error| describe(&error))?;
    // The scheme of this URL is not looked at: the stream is encrypted already where it has to be.
    let url = format!("ws://{}{}", endpoint.authority(), endpoint.resolve_target(target));
    let room = Some(tap.bytes_left());
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .max_message_size(room)
        .max_frame_size(room);
    match tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(format!(
                "WebSocket handshake answered {}: {}",
                response.status().as_u16(),
                excerpt(body)
            ))
        }
        Err(Error::Io(error)) => Err(describe(&error)),
        Err(error) => Err(error.to_string()),
    }
}

impl WebSocket {
    /// Starts reading and writing.
    pub(super) fn start(socket: Socket, shared: Arc<Shared>, outgoing: Outgoing) -> Self {
        let (reset, asked) = oneshot::channel();
        Self {
            reset: Some(reset),
            task: Task::spawn(run(socket, shared, outgoing, asked)),
        }
    }

    /// Ends TCP without a word, and returns when it is done.
    pub(super) async fn cut(self) {
        self.task.end().await;
    }

    /// Ends TCP with an RST, and returns when it is done.
    pub(super) async fn reset(mut self) {
        if let Some(reset) = self.reset.take() {
            // Fails when the connection has ended by itself.
            let _ = reset.send(());
            self.task.join().await;
        }
    }
}

async fn run(socket: Socket, shared: Arc<Shared>, mut outgoing: Outgoing, reset: oneshot::Receiver<()>) {
    let (mut sink, mut stream) = socket.split();
    let reset = tokio::select! {
        biased;
        // Without a sender the task is about to be aborted.
        asked = reset => asked.is_ok(),
        () = read(&mut stream, &shared) => false,
        () = write(&mut sink, &shared, &mut outgoing) => false,
    };
    if reset && let Ok(socket) = sink.reunite(stream) {
        // Fails only when the connection is no more.
        let _ = socket.get_ref().reset_on_drop();
    }
}

/// Reads until the connection ends.
async fn read(stream: &mut SplitStream<Socket>, shared: &Shared) {
    while let Some(read) = shared.while_reading(stream.next()).await {
        let handled = match read {
            Ok(message) => handle(message, shared),
            Err(error) => return failed(&error, shared),
        };
        match handled {
            Ok(Flow::Go) => {}
            Ok(Flow::Stop) => return,
            Err(limit) => return shared.stop(&limit),
        }
    }
    shared.end(Side::Target, "TCP connection ended", None);
}

fn handle(message: Message, shared: &Shared) -> Result<Flow, LimitReached> {
    shared.tap.charge(message.len())?;
    match message {
        Message::Text(text) => shared.handle(vec![Packet::Text(text.as_bytes().to_vec())]),
        Message::Binary(bytes) => shared.handle(vec![Packet::Binary(bytes.into())]),
        Message::Ping(_) => shared
            .note("answered a ping of the WebSocket layer")
            .map(|()| Flow::Go),
        Message::Pong(_) => shared
            .note("a pong of the WebSocket layer came")
            .map(|()| Flow::Go),
        Message::Close(close) => {
            let code = close.map(|close| u16::from(close.code));
            let how = code.map_or(Cow::Borrowed("close frame without a code"), |code| {
                format!("close frame {code}").into()
            });
            shared.end(Side::Target, how, code);
            // Reading on sends the answer, then waits for the end of TCP.
            Ok(Flow::Go)
        }
        Message::Frame(_) => Ok(Flow::Go),
    }
}

fn failed(error: &Error, shared: &Shared) {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => {
            shared.end(Side::Target, "TCP connection ended", None);
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            shared.end(Side::Target, "TCP connection ended", None);
        }
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            shared.end(Side::Target, "connection reset", None);
        }
        Error::Io(error) => shared.end(Side::Target, describe(error), None),
        Error::Capacity(_) => shared.stop(&shared.tap.too_big()),
        other => shared.end(Side::Player, format!("gave up: {other}"), None),
    }
}

/// Writes what there is, and never returns: that the connection has ended is seen by reading.
async fn write(sink: &mut SplitSink<Socket, Message>, shared: &Shared, outgoing: &mut Outgoing) {
    while let Some(out) = outgoing.next().await {
        let script = usize::from(out != Out::Pong);
        let sent = sink.send(message(out)).await;
        shared.update(|status| status.unsent = status.unsent.saturating_sub(script));
        if sent.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}

fn message(out: Out) -> Message {
    match out {
        Out::Pong => Message::text("3"),
        Out::Packet(Packet::Binary(bytes)) => Message::binary(bytes),
        Out::Packet(Packet::Text(text)) => match String::from_utf8(text) {
            Ok(text) => Message::text(text),
            Err(error) => Message::Frame(Frame::message(error.into_bytes(), OpCode::Data(Data::Text), true)),
        },
        Out::Close(code) => {
            let frame = |code: u16| CloseFrame {
                code: code.into(),
                reason: Utf8Bytes::from_static(""),
            };
            Message::Close(code.map(frame))
        }
    }
}
