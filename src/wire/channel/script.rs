//! The channel as a script sees it: requests, frames, raw bytes, and what the player does to its own connection.
//!
//! Owns when the TCP connection is opened. What comes is posted to the tap and returned to nobody.

use std::io;

use thiserror::Error;

use super::connection::{Connection, Due, End, Gone, Status};
use crate::notation::Mask;
use crate::transcript::{Frame, Request, Side};
use crate::wire::stream::{Stream, describe};
use crate::wire::websocket_frame as frame;
use crate::wire::{Endpoint, Tap, http};

/// A channel of a wire script: one TCP connection, opened when it is first used.
///
/// No method waits for an answer of its own; callers bound the time of those that wait for an earlier one.
/// Dropping the channel ends the connection.
#[derive(Debug)]
pub struct Channel {
    endpoint: Endpoint,
    tap: Tap,
    stalled: bool,
    connection: Option<Connection>,
}

/// Why something could not be sent.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// There is no connection to the target; it is also recorded as an end by the target.
    #[error("connect to {authority}: {how}")]
    Connect {
        /// Host and port.
        authority: String,
        /// What happened.
        how: String,
    },
    /// The connection ended before.
    #[error("send on this channel: its connection has ended")]
    Ended,
    /// A frame on a channel that speaks HTTP.
    #[error("send a frame on this channel: it is no WebSocket, as its handshake was not answered with 101")]
    NotAWebSocket,
    /// A request on a channel that speaks WebSocket.
    #[error("send a request on this channel: it is a WebSocket by now, use another label")]
    IsAWebSocket,
}

impl Channel {
    /// A channel that is not connected yet.
    pub fn new(endpoint: &Endpoint, tap: Tap) -> Self {
        Self {
            endpoint: endpoint.clone(),
            tap,
            stalled: false,
            connection: None,
        }
    }

    /// Sends a request whose target is resolved, once the one before it is answered. `own` marks the answer as one
    /// to a request of the player's own making. Connects again only where the connection is known to be over.
    pub async fn request(&mut self, request: Request, own: bool) -> Result<(), ChannelError> {
        let bytes = http::encode(&self.endpoint, &request);
        self.ask(
            bytes,
            Due {
                own,
                to_head: request.method == "HEAD",
            },
        )
        .await
    }

    /// Sends the request of a WebSocket handshake; after a 101 the channel takes and gives frames.
    pub async fn websocket(&mut self, request: Request) -> Result<(), ChannelError> {
        let bytes = http::encode_websocket(&self.endpoint, &request);
        self.ask(
            bytes,
            Due {
                own: false,
                to_head: false,
            },
        )
        .await
    }

    /// Sends these very bytes, whatever is going on.
    pub async fn raw(&mut self, bytes: Vec<u8>) -> Result<(), ChannelError> {
        let due = Due {
            own: false,
            to_head: bytes.starts_with(b"HEAD "),
        };
        let expect = |status: &mut Status| {
            status.raw = true;
            if status.due.is_empty() && !status.websocket {
                status.due.push_back(due);
            }
        };
        self.connected(expect).await?.write(bytes).await?;
        Ok(())
    }

    /// Sends a text frame.
    pub async fn text(&mut self, text: Vec<u8>) -> Result<(), ChannelError> {
        self.frame(&frame::message(frame::TEXT, text), Mask::Proper, None)
            .await
    }

    /// Sends a binary frame.
    pub async fn binary(&mut self, bytes: Vec<u8>) -> Result<(), ChannelError> {
        self.frame(&frame::message(frame::BINARY, bytes), Mask::Proper, None)
            .await
    }

    /// Sends a frame with this header; `mask` decides how it is masked, `length` is what it claims instead of the truth.
    pub async fn frame(
        &mut self,
        frame: &Frame,
        mask: Mask,
        length: Option<u64>,
    ) -> Result<(), ChannelError> {
        let connection = self.connection.as_ref().ok_or(ChannelError::NotAWebSocket)?;
        connection.wait_for(|status| status.due.is_empty()).await;
        let (websocket, over) = {
            let status = connection.status();
            (status.websocket, !status.reusable)
        };
        match (websocket, over) {
            (_, true) => return Err(ChannelError::Ended),
            (false, false) => return Err(ChannelError::NotAWebSocket),
            (true, false) => {}
        }
        if frame.opcode == frame::CLOSE {
            connection.update(|status| status.close_sent = true);
        }
        Ok(connection.write(frame::encode(frame, mask, length)).await?)
    }

    /// Closes in order: a WebSocket by a close frame (its answer is still recorded), otherwise by the end of TCP. Either is
    /// on its way when this returns, so that what a script does next comes later, unless the target does not read.
    pub async fn close(&mut self, code: Option<u16>) -> Result<(), ChannelError> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        if !connection.status().websocket {
            self.cut().await;
            return Ok(());
        }
        let close = frame::message(frame::CLOSE, frame::close_payload(code));
        self.frame(&close, Mask::Proper, None).await?;
        if let Some(connection) = &self.connection {
            connection.written().await;
        }
        Ok(())
    }

    /// Ends the TCP connection without a word.
    pub async fn cut(&mut self) {
        self.end(End::Cut).await;
    }

    /// Ends the TCP connection with an RST.
    pub async fn reset(&mut self) {
        self.end(End::Reset).await;
    }

    /// Stops reading; what the target sends stays in the buffers of the system, then in its own.
    pub fn stall(&mut self) {
        self.set_stalled(true);
    }

    /// Reads again.
    pub fn resume(&mut self) {
        self.set_stalled(false);
    }

    /// Whether a request was sent that is not answered, on a connection that has not ended.
    pub fn awaiting_response(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| !connection.status().due.is_empty())
    }

    /// Whether there is a connection over which something may still be sent.
    pub fn is_open(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.status().reusable)
    }

    /// Whether the channel takes frames: its handshake was answered with 101.
    pub fn is_websocket(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.status().websocket)
    }

    async fn ask(&mut self, bytes: Vec<u8>, due: Due) -> Result<(), ChannelError> {
        if let Some(connection) = &self.connection {
            connection.wait_for(|status| status.due.is_empty()).await;
        }
        if self.is_open() && self.is_websocket() {
            return Err(ChannelError::IsAWebSocket);
        }
        self.connected(|status| status.due.push_back(due))
            .await?
            .write(bytes)
            .await?;
        Ok(())
    }

    /// The connection, with a response noted as due; a new one where there is none or the old one is over.
    async fn connected(&mut self, expect: impl Fn(&mut Status)) -> Result<&Connection, ChannelError> {
        let usable = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.expect(&expect).is_ok());
        if !usable {
            self.connection = None;
            let stream = Stream::connect(&self.endpoint)
                .await
                .map_err(|error| self.refused(&error))?;
            let connection = Connection::start(stream, self.tap.clone(), self.stalled);
            connection.expect(&expect)?;
            self.connection = Some(connection);
        }
        self.connection.as_ref().ok_or(ChannelError::Ended)
    }

    fn refused(&self, error: &io::Error) -> ChannelError {
        let how = describe(error);
        self.tap.closed(Side::Target, how.clone(), None);
        ChannelError::Connect {
            authority: self.endpoint.authority(),
            how,
        }
    }

    async fn end(&mut self, end: End) {
        if let Some(connection) = self.connection.take() {
            connection.end(end).await;
        }
    }

    fn set_stalled(&mut self, stalled: bool) {
        self.stalled = stalled;
        if let Some(connection) = &self.connection {
            connection.update(|status| status.stalled = stalled);
        }
    }
}

impl From<Gone> for ChannelError {
    fn from(_: Gone) -> Self {
        Self::Ended
    }
}
