//! One WebSocket: messages to the stack, messages from the stack, and an orderly end.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message as Frame,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    driver::{Directive, Exchange},
    filter::Filtered,
};
use crate::engine::Message;

type Io = Filtered<TokioIo<Upgraded>>;

/// How long the client may take to answer a close frame, or to read what was sent before it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a WebSocket from the 101 to its end.
pub(super) async fn run(mut exchange: Exchange, upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(exchange.max_payload());
    config.max_frame_size = Some(exchange.max_payload());
    config.read_buffer_size = 16 << 10;
    let stream = Filtered::new(TokioIo::new(upgraded), exchange.wire_filter());
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    exchange.handle_ws_open();
    let end = match greet(&mut exchange, &mut socket).await {
        Ok(None) => converse(&mut exchange, &mut socket).await,
        Ok(Some(end)) => end,
        Err(_) => End::Gone,
    };
    // The stack hears now that the socket is gone; how long the farewell takes does not concern it.
    drop(exchange);
    // A client that does not take part in the farewell is left.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, say_farewell(socket, end)).await;
}

/// How a conversation ended.
enum End {
    /// Either side sent a close frame, which has been or is being answered by the WebSocket layer.
    Closing,
    /// The connection is to be failed with this code.
    Fail(CloseCode),
    /// The connection is gone, or its client does not read.
    Gone,
}

/// Writes what the opening led to, before anything of the client is read: the pong to a hasty ping would overtake it.
async fn greet(exchange: &mut Exchange, socket: &mut WebSocketStream<Io>) -> Result<Option<End>, Error> {
    match exchange.try_next() {
        Some(directive) => write(exchange, socket, Some(directive)).await,
        None => Ok(None),
    }
}

async fn converse(exchange: &mut Exchange, socket: &mut WebSocketStream<Io>) -> End {
    let cut = exchange.cut();
    loop {
        tokio::select! {
            directive = exchange.next() => {
                let written = tokio::select! {
                    written = write(exchange, socket, directive) => written,
                    () = cut.notified() => return End::Gone,
                };
                match written {
                    Ok(None) => {}
                    Ok(Some(end)) => return end,
                    Err(_) => return End::Gone,
                }
            }
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) => exchange.handle_frame(Message::Text(text.as_str().to_owned())),
                Some(Ok(Frame::Binary(data))) => exchange.handle_frame(Message::Binary(data)),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => {}
                Some(Ok(Frame::Close(_))) => return End::Closing,
                Some(Err(error)) => return end_of(&error),
                None => return End::Gone,
            },
        }
    }
}

/// Writes a directive. `Some`: the conversation is over.
async fn write(
    exchange: &mut Exchange,
    socket: &mut WebSocketStream<Io>,
    directive: Option<Directive>,
) -> Result<Option<End>, Error> {
    match directive {
        Some(Directive::Frame(message)) => {
            let size = message.len();
            socket.send(frame_of(message)).await?;
            exchange.written(size);
            Ok(None)
        }
        Some(Directive::Close(code)) => {
            socket.send(Frame::Close(Some(close_frame(code.into())))).await?;
            Ok(Some(End::Closing))
        }
        Some(Directive::Respond(_) | Directive::ReadBody { .. } | Directive::Accept(_)) => Ok(None),
        None => Ok(Some(End::Gone)),
    }
}

fn frame_of(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::text(text),
        Message::Binary(data) => Frame::binary(data),
    }
}

fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::Fail(CloseCode::Size),
        Error::Utf8(_) => End::Fail(CloseCode::Invalid),
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => End::Gone,
        Error::Protocol(_) => End::Fail(CloseCode::Protocol),
        _ => End::Gone,
    }
}

async fn say_farewell(mut socket: WebSocketStream<Io>, end: End) {
    match end {
        End::Gone => {}
        End::Closing => while let Some(Ok(_)) = socket.next().await {},
        End::Fail(code) => {
            if socket.send(Frame::Close(Some(close_frame(code)))).await.is_ok() {
                // What the client sent beyond the fault is read and dropped: closing a connection with unread data
                // resets it, and the reset would overtake the close frame.
                let mut io = socket.into_inner();
                let _ = io.shutdown().await;
                let mut scratch = [0; 4096];
                while matches!(io.read(&mut scratch).await, Ok(1..)) {}
            }
        }
    }
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code,
        reason: "".into(),
    }
}
