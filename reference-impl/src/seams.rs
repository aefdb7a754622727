//! The places between the layers where something may be rewritten.
//!
//! A server that behaves passes everything on; a deliberate fault ([`crate::faults`]) changes one thing at one seam.
//! The layers themselves know nothing of it.

use bytes::Bytes;
use http::{Response, request::Parts};

use crate::{
    engine::{EngineConfig, EngineEvent, ExchangeId, Message, Millis, Transmit},
    socket::{Action, SocketConfig, SocketEvent},
};

/// A source of new ids.
pub(crate) type Ids = Box<dyn FnMut() -> String + Send>;

/// A frame of a WebSocket client, as it came.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct WireFrame {
    /// The bits FIN and RSV1 to RSV3, and the opcode.
    pub(crate) first: u8,
    pub(crate) masked: bool,
    /// Without its mask.
    pub(crate) payload: Vec<u8>,
}

/// Changes a frame, or drops it by returning false.
pub(crate) type WireFilter = fn(&mut WireFrame) -> bool;

/// What becomes of a request.
pub(crate) enum Verdict {
    /// The engine sees it.
    Pass,
    /// The engine never sees it, this is the answer.
    Answer(Response<Bytes>),
    /// Nobody sees it, and it is never answered.
    Hold,
}

/// What may be rewritten, from the network upwards and back. Each method passes its subject on unless overridden.
pub(crate) trait Seams: Send {
    /// The options that the layers are built with.
    fn configure(&mut self, _engine: &mut EngineConfig, _socket: &mut SocketConfig) {}

    /// The source of Engine.IO session ids.
    fn session_ids(&mut self, ids: Ids) -> Ids {
        ids
    }

    /// The source of Socket.IO ids.
    fn socket_ids(&mut self, ids: Ids) -> Ids {
        ids
    }

    /// The head of a request, on its way to the engine.
    fn request(&mut self, _exchange: ExchangeId, _head: &mut Parts) -> Verdict {
        Verdict::Pass
    }

    /// A request body, on its way to the engine.
    fn body(&mut self, _exchange: ExchangeId, body: Bytes) -> Bytes {
        body
    }

    /// A WebSocket message, on its way to the engine.
    fn frame(&mut self, _exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        out.push(frame);
    }

    /// An exchange whose client went away, or a WebSocket that is gone. Returns whether the engine is told.
    fn gone(&mut self, _exchange: ExchangeId) -> bool {
        true
    }

    /// What happened to a session, on its way to the socket layer.
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        out.push(event);
    }

    /// What happened to a socket, on its way to the application.
    fn socket_event(&mut self, event: SocketEvent, out: &mut Vec<SocketEvent>) {
        out.push(event);
    }

    /// What the socket layer wants, on its way to the engine.
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        out.push(action);
    }

    /// What the engine wants, on its way to the network.
    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        out.push(transmit);
    }

    /// What happens to the frames of WebSocket clients before they are read.
    fn wire_filter(&self) -> Option<WireFilter> {
        None
    }

    /// When [`Seams::timeout`] is due.
    fn deadline(&self) -> Option<Millis> {
        None
    }

    /// The deadline has come: what was held back may leave.
    fn timeout(&mut self, _now: Millis, _out: &mut Vec<Transmit>) {}
}

/// Rewrites nothing.
pub(crate) struct NoFault;

impl Seams for NoFault {}
