//! Faults of WebSockets.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Entry,
    parts::{anything, frames_in, frames_out, remembering},
};
use crate::{
    client::{
        engine::{Arrival, Transmit},
        seams::Passing,
    },
    engine::Message,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "unmasked-frames",
        area: "websocket",
        breaks: &["client.eio.masked-frames"],
        sentence: "does not mask its frames",
        build: || {
            frames_out(|frame| {
                frame.masked = false;
                true
            })
        },
    },
    Entry {
        name: "no-pong-frames",
        area: "websocket",
        breaks: &["client.eio.ws-control-ping"],
        sentence: "does not answer ping frames",
        build: || frames_out(|frame| frame.first & 0x0f != 0xa),
    },
    Entry {
        name: "fragments-are-messages",
        area: "websocket",
        breaks: &["eio.ws.client-accepts-fragments"],
        sentence: "takes each fragment for a message",
        build: || {
            frames_in(|frame| {
                let is_continuation = frame.first & 0x0f == 0;
                frame.first |= 0x80 | u8::from(is_continuation);
                true
            })
        },
    },
    Entry {
        name: "old-binary-frames",
        area: "websocket",
        breaks: &["eio.ws.binary-no-type-prefix"],
        sentence: "puts the type of the packet before the bytes, as version 3 did",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Transmit(Transmit::Frame(_, Message::Binary(data))) = &mut passing {
                    *data = [&[4], data.as_ref()].concat().into();
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "base64-in-frames",
        area: "websocket",
        breaks: &["client.sio.binary-send", "eio.ws.binary-no-type-prefix"],
        sentence: "sends bytes as base64 over a WebSocket",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Transmit(Transmit::Frame(_, frame)) = &mut passing
                    && let Message::Binary(data) = frame
                {
                    *frame = Message::Text(format!("b{}", STANDARD.encode(data)));
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "bytes-are-text",
        area: "websocket",
        breaks: &["eio.ws.client-binary-type"],
        sentence: "reads a binary frame as text where it can",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Arrival(Arrival::Frame(_, frame)) = &mut passing
                    && let Message::Binary(data) = frame
                    && let Ok(text) = std::str::from_utf8(data)
                {
                    *frame = Message::Text(text.to_owned());
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "limits-what-it-receives",
        area: "websocket",
        breaks: &["client.eio.large-frame"],
        sentence: "refuses messages of more than a million bytes",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Arrival(Arrival::Frame(exchange, frame)) if frame.len() > 1_000_000 => {
                    out.push(Passing::Transmit(Transmit::Abort(*exchange)));
                    out.push(Passing::Arrival(Arrival::WsClosed(
                        *exchange,
                        "too large".to_owned(),
                    )));
                }
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "sid-in-a-new-websocket",
        area: "websocket",
        breaks: &["eio.ws.client-uri"],
        sentence: "asks for an upgrade when it opens a session by WebSocket",
        build: || {
            remembering::<()>(|(), _, mut passing, out| {
                super::parts::set_target(&mut passing, |target| {
                    if target.contains("transport=websocket") && !target.contains("sid=") {
                        format!("{target}&sid=new")
                    } else {
                        target.to_owned()
                    }
                });
                out.push(passing);
            })
        },
    },
];
