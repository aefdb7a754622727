//! Faults of the payloads of polling: separators, base64, text, limits.

use std::collections::HashSet;

use bytes::Bytes;
use http::{Method, StatusCode, header, request::Parts};

use super::{
    Entry,
    parts::{Incoming, Misconfigured, Outgoing, PacketsIn, Polled, Posted, SEPARATOR, text},
};
use crate::{
    codec::{Decoder, EnginePacket, PacketError},
    engine::{EngineEvent, ExchangeId, Message, Millis, SessionKey, Transmit},
    seams::{Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "no-separator",
        area: "payload",
        breaks: &[
            "eio.payload.multiple-messages",
            "eio.payload.response-separator-when-parked",
        ],
        sentence: "joins the packets of a poll without separator",
        build: || Box::new(Polled(|body| body.replace(SEPARATOR, ""))),
    },
    Entry {
        name: "corrupts-base64",
        area: "payload",
        breaks: &["eio.payload.binary-base64", "sio.binary.polling"],
        sentence: "leaves the padding out of base64 and swaps the case of its letters",
        build: || Box::new(Polled(|body| each_base64(body, corrupt))),
    },
    Entry {
        name: "url-safe-base64",
        area: "payload",
        breaks: &["eio.payload.base64-standard-alphabet"],
        sentence: "writes base64 in the alphabet for URLs",
        build: || {
            Box::new(Polled(|body| {
                each_base64(body, |data| data.replace('+', "-").replace('/', "_"))
            }))
        },
    },
    Entry {
        name: "b4-prefix",
        area: "payload",
        breaks: &["eio.payload.binary-never-4b"],
        sentence: "writes `b4` before base64, as the third revision did",
        build: || Box::new(Polled(|body| each_base64(body, |data| format!("4{data}")))),
    },
    Entry {
        name: "first-packet-only",
        area: "payload",
        breaks: &["eio.payload.multiple-messages"],
        sentence: "reads only the first packet of a payload",
        build: || {
            Box::new(Posted(|body| {
                body.split(|&byte| byte == 0x1e)
                    .next()
                    .unwrap_or_default()
                    .to_vec()
            }))
        },
    },
    Entry {
        name: "last-packet-lost",
        area: "payload",
        breaks: &["eio.payload.single-message"],
        sentence: "loses the last packet of a payload",
        build: || {
            Box::new(Posted(|body| {
                let last = body.iter().rposition(|&byte| byte == 0x1e);
                last.map_or_else(|| b"6".to_vec(), |last| body[..last].to_vec())
            }))
        },
    },
    Entry {
        name: "sixteen-packets",
        area: "payload",
        breaks: &["eio.payload.20-packets", "eio.payload.many-packets"],
        sentence: "drops a payload of more than 16 packets",
        build: || {
            Box::new(Posted(|body| {
                let packets = body.split(|&byte| byte == 0x1e).count();
                if packets > 16 {
                    b"6".to_vec()
                } else {
                    body.to_vec()
                }
            }))
        },
    },
    Entry {
        name: "reverses-payload",
        area: "payload",
        breaks: &["eio.payload.response-batches"],
        sentence: "polls out of order",
        build: || {
            Box::new(Polled(|body| {
                let is_plain = body.split(SEPARATOR).all(|packet| packet.starts_with("42"));
                let packets = body.split(SEPARATOR);
                if is_plain {
                    packets.rev().collect::<Vec<_>>().join("\u{1e}")
                } else {
                    body.to_owned()
                }
            }))
        },
    },
    Entry {
        name: "mangles-utf8",
        area: "payload",
        breaks: &["eio.payload.utf8-roundtrip"],
        sentence: "takes the bytes of a payload for characters",
        build: || {
            Box::new(Posted(|body| {
                body.iter()
                    .map(|&byte| byte as char)
                    .collect::<String>()
                    .into_bytes()
            }))
        },
    },
    Entry {
        name: "drops-chunked-bodies",
        area: "payload",
        breaks: &[
            "eio.payload.chunked-transfer-encoding",
            "eio.payload.utf8-split-across-chunks",
        ],
        sentence: "takes a body without Content-Length for an empty one",
        build: || Box::<DropsChunked>::default(),
    },
    Entry {
        name: "raw-separator",
        area: "payload",
        breaks: &["eio.payload.rs-inside-json-escaped", "sio.event.escaped-rs"],
        sentence: "does not escape a record separator within a string",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| text.replace("\\u001e", "\u{1e}"))
            }))
        },
    },
    Entry {
        name: "no-size-limit",
        area: "payload",
        breaks: &[
            "eio.payload.413-oversize",
            "eio.payload.413-oversize-chunked",
            "eio.payload.limit-counts-bytes",
            "eio.ws.oversize",
            "eio.ws.oversize-fragmented",
        ],
        sentence: "accepts sixteen times the maxPayload that it announces",
        build: || Box::new(Misconfigured::new(|engine, _| engine.max_payload *= 16)),
    },
    Entry {
        name: "invalid-utf8-fails",
        area: "payload",
        breaks: &["eio.payload.invalid-utf8"],
        sentence: "answers 500 to a payload that is not UTF-8",
        build: || Box::<InvalidUtf8>::default(),
    },
    Entry {
        name: "ignores-malformed",
        area: "payload",
        breaks: &[
            "eio.payload.invalid-type-closes",
            "eio.payload.invalid-type-digit",
            "eio.payload.double-separator",
            "eio.ws.invalid-type-closes",
            "eio.ws.invalid-digit-closes",
            "eio.ws.empty-text-frame",
            "sio.connect.invalid-type",
            "sio.connect.invalid-type-digit",
            "sio.connect.empty-message",
            "sio.connect.payload-array",
            "sio.event.truncated-json",
            "sio.event.missing-payload",
            "sio.event.missing-payload-with-id",
            "sio.event.empty-array",
            "sio.event.object-payload",
            "sio.event.string-payload",
            "sio.event.name-null",
            "sio.ack.non-array",
            "sio.binary.count-missing-dash",
            "sio.binary.count-letters",
            "sio.binary.count-negative",
            "sio.binary.count-non-integer",
            "sio.binary.non-array",
            "sio.binary.missing-payload",
            "sio.binary.event-name-placeholder",
        ],
        sentence: "ignores malformed packets; only its timers close a connection",
        build: || Box::<IgnoresMalformed>::default(),
    },
    Entry {
        name: "reads-behind-close",
        area: "payload",
        breaks: &["eio.payload.close-stops-processing"],
        sentence: "handles the messages behind a close packet before the close",
        build: || {
            Box::new(Posted(|body| {
                let (close, others): (Vec<_>, Vec<_>) = body
                    .split(|&byte| byte == 0x1e)
                    .partition(|packet| *packet == b"1");
                [others, close].concat().join(&0x1e)
            }))
        },
    },
    Entry {
        name: "reads-behind-errors",
        area: "payload",
        breaks: &["eio.payload.stops-at-first-error"],
        sentence: "skips an unknown packet and goes on with the payload",
        build: || {
            Box::new(PacketsIn(|packet| {
                Some(packet.to_owned()).filter(|packet| !packet.starts_with(['7', '8', '9']))
            }))
        },
    },
    Entry {
        name: "empty-base64-dropped",
        area: "payload",
        breaks: &[
            "eio.payload.base64-empty",
            "eio.ws.empty-binary",
            "sio.binary.empty-attachment",
        ],
        sentence: "drops binary packets without bytes",
        build: || {
            Box::new(Incoming(|message| match message {
                Message::Binary(data) if data.is_empty() => Vec::new(),
                other => vec![other],
            }))
        },
    },
];

fn each_base64(body: &str, rewrite: impl Fn(&str) -> String) -> String {
    let packets = body
        .split(SEPARATOR)
        .map(|packet| match packet.strip_prefix('b') {
            Some(data) => format!("b{}", rewrite(data)),
            None => packet.to_owned(),
        });
    packets.collect::<Vec<_>>().join("\u{1e}")
}

fn corrupt(data: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    data.trim_end_matches('=').chars().map(swap).collect()
}

/// Reads as many bytes as Content-Length says: none where there is no Content-Length.
#[derive(Default)]
struct DropsChunked {
    chunked: HashSet<ExchangeId>,
}

impl Seams for DropsChunked {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if head.method == Method::POST && !head.headers.contains_key(header::CONTENT_LENGTH) {
            self.chunked.insert(exchange);
        }
        Verdict::Pass
    }

    fn body(&mut self, exchange: ExchangeId, body: Bytes) -> Bytes {
        // A noop is what says nothing.
        if self.chunked.remove(&exchange) {
            Bytes::from_static(b"6")
        } else {
            body
        }
    }
}

/// Fails where it should refuse.
#[derive(Default)]
struct InvalidUtf8 {
    failing: HashSet<ExchangeId>,
}

impl Seams for InvalidUtf8 {
    fn body(&mut self, exchange: ExchangeId, body: Bytes) -> Bytes {
        if std::str::from_utf8(&body).is_err() {
            self.failing.insert(exchange);
        }
        body
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, response) = &mut transmit
            && self.failing.remove(exchange)
        {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        out.push(transmit);
    }
}

/// Drops what the layers would refuse, packet by packet.
#[derive(Default)]
struct IgnoresMalformed {
    decoders: std::collections::HashMap<SessionKey, Decoder>,
}

impl Seams for IgnoresMalformed {
    fn body(&mut self, _exchange: ExchangeId, body: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&body);
        let valid = text
            .split(SEPARATOR)
            .filter(|packet| EnginePacket::decode_polled(packet).is_ok());
        let valid: Vec<_> = valid.collect();
        if valid.is_empty() {
            Bytes::from_static(b"6")
        } else {
            valid.join("\u{1e}").into()
        }
    }

    fn frame(&mut self, _exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        let is_valid = match &frame {
            Message::Text(text) => EnginePacket::decode_frame(text).is_ok(),
            Message::Binary(_) => true,
        };
        if is_valid {
            out.push(frame);
        }
    }

    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, message) = &event {
            let decoder = self.decoders.entry(*session).or_default();
            let result = match message {
                Message::Text(text) => decoder.decode_text(text).map(|_| ()),
                Message::Binary(data) => decoder.decode_binary(data.clone()).map(|_| ()),
            };
            match result {
                // The order of texts and attachments is another rule.
                Ok(()) | Err(PacketError::TextInsteadOfAttachment(_) | PacketError::UnexpectedAttachment) => {
                }
                Err(_) => return,
            }
        }
        if let EngineEvent::Closed(session, _) = &event {
            self.decoders.remove(session);
        }
        out.push(event);
    }
}
