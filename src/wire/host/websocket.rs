//! A WebSocket that a client opened: frames in, bytes out.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};

use super::connection::Io;
use super::listener::Teller;
use super::message::What;
use crate::notation::Mask;
use crate::wire::stream::describe;
use crate::wire::websocket_frame::{self as frame, Decoded};

/// How many frames may wait for the client to read.
pub(super) const OUTBOX: usize = 64;
/// The opcode of a ping of the WebSocket layer.
const PING: u8 = 9;
/// The opcode of its pong.
const PONG: u8 = 10;

/// A frame that is to be written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    /// It is a close frame, so that the client's needs no answer.
    pub(super) closes: bool,
}

/// Reads and writes until the connection ends. `early` is what came together with the handshake.
pub(super) async fn run(io: Io, early: Bytes, mut queue: mpsc::Receiver<Written>, teller: &Teller) {
    let (mut reader, mut writer) = tokio::io::split(io);
    let (answers, mut answered) = mpsc::channel::<Written>(OUTBOX);
    let said_goodbye = Notify::new();
    let write = async {
        let mut closed = false;
        loop {
            let next = tokio::select! {
                biased;
                Some(next) = answered.recv() => next,
                Some(next) = queue.recv() => next,
                else => break,
            };
            if closed && next.closes {
                continue;
            }
            if writer.write_all(&next.bytes).await.is_err() || writer.flush().await.is_err() {
                break;
            }
            if next.closes {
                closed = true;
                said_goodbye.notify_one();
            }
        }
        // That the connection has ended is seen by reading.
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut buffer = BytesMut::from(&early[..]);
        loop {
            match take(&mut buffer, teller, &answers).await {
                Go::On => {}
                Go::Close => return said_goodbye.notified().await,
                Go::Stop => return,
            }
            let before = buffer.len();
            match reader.read_buf(&mut buffer).await {
                Ok(0) => {
                    return teller
                        .tell(What::Gone("TCP connection ended".to_owned(), None))
                        .await;
                }
                Ok(_) => {}
                Err(error) => return teller.tell(What::Gone(describe(&error), None)).await,
            }
            if let Err(limit) = teller.tap().charge(buffer.len() - before) {
                return teller.tell(What::TooMuch(limit.to_string())).await;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}

/// Whether reading goes on.
enum Go {
    On,
    /// The client said goodbye; when it is told the same, the connection is ended.
    Close,
    Stop,
}

/// Takes the frames that are complete.
async fn take(buffer: &mut BytesMut, teller: &Teller, answers: &mpsc::Sender<Written>) -> Go {
    loop {
        let frame = match frame::decode(buffer, teller.tap().bytes_left().saturating_add(buffer.len())) {
            Decoded::More => return Go::On,
            Decoded::Frame(frame) => frame,
            Decoded::TooLong(length) => {
                teller
                    .tell(What::TooMuch(format!("a frame that announces {length} bytes")))
                    .await;
                return Go::Stop;
            }
            Decoded::NotAFrame(what) => {
                teller
                    .tell(What::Gone(
                        format!("what came is no WebSocket frame but {what}"),
                        None,
                    ))
                    .await;
                return Go::Stop;
            }
        };
        let answer = match frame.opcode {
            PING => Some(frame::message(PONG, frame.payload.clone())),
            frame::CLOSE => Some(frame::message(frame::CLOSE, frame.payload.clone())),
            _ => None,
        };
        if let Some(answer) = answer {
            let closes = answer.opcode == frame::CLOSE;
            let bytes = frame::encode(&answer, Mask::None, None);
            // A full queue means that the client does not read: it will not read this either.
            let _ = answers.try_send(Written { bytes, closes });
        }
        if frame.opcode == frame::CLOSE {
            let code = frame::close_code(&frame.payload);
            let how = code.map_or_else(
                || "close frame without a code".to_owned(),
                |code| format!("close frame {code}"),
            );
            teller.tell(What::Gone(how, code)).await;
            return Go::Close;
        }
        if frame.opcode != PING {
            teller.tell(What::Frame(frame)).await;
        }
    }
}
