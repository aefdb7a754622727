//! What comes on the connection of a channel: bytes in, recorded events out.
//!
//! Owns what the connection speaks at the moment (HTTP, then perhaps WebSocket) and when it counts as ended by the
//! target. It writes nothing itself, except that a close frame is answered with the same code.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};

use super::connection::Status;
use crate::notation::Mask;
use crate::transcript::{Event, Frame, Response, Side, Wire};
use crate::wire::response::{Progress, ResponseReader, Then};
use crate::wire::tap::{LimitReached, Tap};
use crate::wire::websocket_frame::{self as frame, Decoded};

/// How many bytes after a close frame are read, and thrown away, before the connection is ended from this side.
const MAX_AFTER_CLOSE: usize = 1 << 20;

/// The receiving half of a channel.
#[derive(Debug)]
pub(super) struct Inbound {
    tap: Tap,
    status: Arc<watch::Sender<Status>>,
    outbox: mpsc::Sender<Vec<u8>>,
    mode: Mode,
}

/// Whether reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Stop,
}

#[derive(Debug)]
enum Mode {
    Http(ResponseReader),
    Frames(BytesMut),
    /// What came is neither; all that follows is recorded as it is.
    Noise,
    /// A close frame came; only the end of TCP is waited for. Counts the bytes that came nevertheless.
    Closing(usize),
}

impl Inbound {
    /// For a fresh connection. The answer to a close frame goes to `outbox`.
    pub(super) fn new(tap: Tap, status: Arc<watch::Sender<Status>>, outbox: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            tap,
            status,
            outbox,
            mode: Mode::Http(ResponseReader::default()),
        }
    }

    /// Takes bytes that were read.
    pub(super) fn handle(&mut self, bytes: &[u8]) -> Flow {
        let taken = self.tap.charge(bytes.len()).and_then(|()| self.take(bytes));
        taken.unwrap_or_else(|limit| {
            self.tap.stopped(&limit);
            Flow::Stop
        })
    }

    /// The connection was ended by the target.
    pub(super) fn handle_end(&mut self, how: &str) {
        // First, so that a request is either noted before (and its loss told) or goes over a new connection.
        self.status.send_modify(|status| status.reusable = false);
        let ended = match &mut self.mode {
            Mode::Http(reader) => match reader.finish() {
                Some(Progress::Done(response, then)) => self.answered(response, then).map(|()| {
                    if self.status.borrow().raw {
                        self.tap.closed(Side::Target, how, None);
                    }
                }),
                Some(Progress::NotHttp(bytes, _)) => self.tap.post(received(Wire::Raw(bytes))).map(|()| {
                    self.tap
                        .closed(Side::Target, format!("{how} inside the response"), None);
                }),
                _ => {
                    let status = self.status.borrow();
                    if !status.due.is_empty() {
                        self.tap
                            .closed(Side::Target, format!("{how} before the response"), None);
                    } else if status.raw {
                        self.tap.closed(Side::Target, how, None);
                    }
                    Ok(())
                }
            },
            Mode::Frames(rest) if rest.is_empty() => {
                self.tap.closed(Side::Target, how, None);
                Ok(())
            }
            Mode::Frames(rest) => self.tap.post(received(Wire::Raw(rest.to_vec()))).map(|()| {
                self.tap
                    .closed(Side::Target, format!("{how} inside a frame"), None);
            }),
            Mode::Noise => {
                self.tap.closed(Side::Target, how, None);
                Ok(())
            }
            Mode::Closing(_) => Ok(()),
        };
        if let Err(limit) = ended {
            self.tap.stopped(&limit);
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Flow, LimitReached> {
        match &mut self.mode {
            Mode::Http(reader) => {
                reader.feed(bytes);
                self.read_responses()
            }
            Mode::Frames(buffer) => {
                buffer.extend_from_slice(bytes);
                self.read_frames()
            }
            Mode::Noise => self
                .tap
                .post(received(Wire::Raw(bytes.to_vec())))
                .map(|()| Flow::Go),
            Mode::Closing(count) => {
                *count += bytes.len();
                Ok(if *count > MAX_AFTER_CLOSE {
                    Flow::Stop
                } else {
                    Flow::Go
                })
            }
        }
    }

    fn read_responses(&mut self) -> Result<Flow, LimitReached> {
        while let Mode::Http(reader) = &mut self.mode {
            let to_head = self.status.borrow().due.front().is_some_and(|due| due.to_head);
            match reader.next(to_head) {
                Progress::More => break,
                Progress::Interim(status) => {
                    self.tap.post(Event::Note(format!("interim response {status}")))?;
                }
                Progress::Done(response, Then::Switched) => {
                    self.mode = Mode::Frames(reader.take_rest());
                    self.answered(response, Then::Switched)?;
                    return self.read_frames();
                }
                Progress::Done(response, then) => self.answered(response, then)?,
                Progress::NotHttp(bytes, why) => {
                    self.mode = Mode::Noise;
                    self.tap
                        .post(Event::Note(format!("what came is no HTTP response: {why}")))?;
                    self.tap.post(received(Wire::Raw(bytes)))?;
                    self.status.send_modify(|status| {
                        status.due.clear();
                        status.reusable = status.raw;
                    });
                }
            }
        }
        Ok(Flow::Go)
    }

    /// Records a response, and only then lets those know who wait for it.
    fn answered(&self, mut response: Response, then: Then) -> Result<(), LimitReached> {
        response.own = self.status.borrow().due.front().is_some_and(|due| due.own);
        self.tap.post(received(Wire::Response(response)))?;
        self.status.send_modify(|status| {
            status.due.pop_front();
            status.reusable &= then != Then::Close;
            status.websocket |= then == Then::Switched;
        });
        Ok(())
    }

    fn read_frames(&mut self) -> Result<Flow, LimitReached> {
        while let Mode::Frames(buffer) = &mut self.mode {
            match frame::decode(buffer, self.tap.bytes_left().saturating_add(buffer.len())) {
                Decoded::More => break,
                Decoded::TooLong(_) => return Err(self.tap.too_big()),
                Decoded::NotAFrame(why) => {
                    self.tap.post(received(Wire::Raw(buffer.to_vec())))?;
                    let how = format!("gave up: what came is no WebSocket frame but {why}");
                    self.tap.closed(Side::Player, how, None);
                    return Ok(Flow::Stop);
                }
                Decoded::Frame(frame) if frame.opcode == frame::CLOSE && frame.fin => self.closed_by(&frame),
                Decoded::Frame(frame) => self.tap.post(received(simplify(frame)))?,
            }
        }
        Ok(Flow::Go)
    }

    fn closed_by(&mut self, close: &Frame) {
        let code = frame::close_code(&close.payload);
        let answered = self.status.borrow().close_sent;
        if !answered {
            let answer = frame::message(frame::CLOSE, frame::close_payload(code));
            // A full queue means that the target does not read: it will not read this either.
            let _ = self.outbox.try_send(frame::encode(&answer, Mask::Proper, None));
        }
        self.status.send_modify(|status| status.reusable = false);
        let how = code.map_or_else(
            || "close frame without a code".to_owned(),
            |code| format!("close frame {code}"),
        );
        self.tap.closed(Side::Target, how, code);
        self.mode = Mode::Closing(0);
    }
}

/// A whole text or binary message is that; any other frame is shown with its header.
fn simplify(frame: Frame) -> Wire {
    let whole = frame.fin && frame.rsv == 0 && !frame.masked;
    match frame.opcode {
        frame::BINARY if whole => Wire::Binary(frame.payload),
        frame::TEXT if whole => match String::from_utf8(frame.payload) {
            Ok(text) => Wire::Text(text),
            Err(error) => Wire::Frame(Frame {
                payload: error.into_bytes(),
                ..frame
            }),
        },
        _ => Wire::Frame(frame),
    }
}

fn received(wire: Wire) -> Event {
    Event::Received(wire)
}
