//! Faults of the WebSocket handshake, and of how packets become frames.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};

use super::{
    Entry,
    parts::{
        FramesIn, FramesOut, Requests, Responses, SEPARATOR, Wire, answer, is_websocket, open_packet,
        parameter, set_open_packet, set_parameter, text, with_field,
    },
};
use crate::{
    engine::{Message, Millis, Transmit},
    seams::{Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "ws-accepts-bad-eio",
        area: "websocket",
        breaks: &[
            "eio.ws.missing-eio",
            "eio.ws.bad-eio",
            "eio.ws.missing-transport",
            "eio.ws.bad-transport",
        ],
        sentence: "opens a WebSocket session for a bad or missing EIO or transport",
        build: || {
            Box::new(Requests(|head| {
                if is_websocket(head) {
                    set_parameter(head, "EIO", Some("4"));
                    if parameter(head, "transport") != Some("polling") {
                        set_parameter(head, "transport", Some("websocket"));
                    }
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "ws-takes-polling",
        area: "websocket",
        breaks: &["eio.ws.transport-polling"],
        sentence: "opens a WebSocket session for the transport polling",
        build: || {
            Box::new(Requests(|head| {
                if is_websocket(head) && parameter(head, "transport") == Some("polling") {
                    set_parameter(head, "transport", Some("websocket"));
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "wrong-accept-key",
        area: "websocket",
        breaks: &["eio.ws.accept-key", "eio.ws.handshake-101"],
        sentence: "answers every WebSocket handshake with the same accept key",
        build: || {
            Box::new(Responses(|response| {
                if let Some(key) = response.headers_mut().get_mut(header::SEC_WEBSOCKET_ACCEPT) {
                    *key = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
                }
            }))
        },
    },
    Entry {
        name: "any-ws-version",
        area: "websocket",
        breaks: &["eio.ws.bad-version"],
        sentence: "accepts every version of the WebSocket protocol",
        build: || {
            Box::new(Requests(|head| {
                if let Some(version) = head.headers.get_mut(header::SEC_WEBSOCKET_VERSION) {
                    *version = HeaderValue::from_static("13");
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "keyless-websocket",
        area: "websocket",
        breaks: &["eio.ws.missing-key"],
        sentence: "accepts a WebSocket handshake without key",
        build: || {
            Box::new(Requests(|head| {
                if is_websocket(head) && !head.headers.contains_key(header::SEC_WEBSOCKET_KEY) {
                    let key = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA==");
                    head.headers.insert(header::SEC_WEBSOCKET_KEY, key);
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "ws-offers-upgrades",
        area: "websocket",
        breaks: &["eio.ws.open-upgrades-empty"],
        sentence: "offers a session on a WebSocket to upgrade",
        build: || {
            Box::new(OpenOverWebSocket(|open| {
                with_field(open, "upgrades", "[\"websocket\"]")
            }))
        },
    },
    Entry {
        name: "ws-open-lacks-field",
        area: "websocket",
        breaks: &["eio.ws.open-same-fields"],
        sentence: "does not announce maxPayload on a WebSocket",
        build: || Box::new(OpenOverWebSocket(|open| with_field(open, "maxPayload", ""))),
    },
    Entry {
        name: "joins-packets",
        area: "websocket",
        breaks: &["eio.ws.one-packet-per-frame"],
        sentence: "puts two packets into one frame",
        build: || {
            Box::new(FramesOut(|frame| {
                text(frame, |text| {
                    if text.starts_with("42") {
                        format!("{text}{SEPARATOR}6")
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "splits-frames",
        area: "websocket",
        breaks: &["eio.ws.rs-not-a-separator"],
        sentence: "takes a record separator in a frame for the end of a packet",
        build: || {
            Box::new(FramesIn(|frame| match frame {
                Message::Text(text) => text
                    .split(SEPARATOR)
                    .map(|part| Message::Text(part.to_owned()))
                    .collect(),
                binary @ Message::Binary(_) => vec![binary],
            }))
        },
    },
    Entry {
        name: "binary-type-prefix",
        area: "websocket",
        breaks: &["eio.ws.binary-no-type-prefix"],
        sentence: "puts the packet type before the bytes of a binary frame, as the third revision did",
        build: || {
            Box::new(FramesOut(|frame| match frame {
                Message::Binary(data) => vec![Message::Binary([&[4][..], &data].concat().into())],
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "binary-type-parsed",
        area: "websocket",
        breaks: &["eio.ws.binary-type-byte-not-parsed"],
        sentence: "takes the first byte of a binary frame for a packet type if it looks like one",
        build: || {
            Box::new(FramesIn(|frame| match frame {
                Message::Binary(data) if data.first() == Some(&b'4') => {
                    vec![Message::Binary(data.slice(1..))]
                }
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "binary-as-text",
        area: "websocket",
        breaks: &["eio.ws.binary-echo"],
        sentence: "sends bytes as base64 in text frames",
        build: || {
            Box::new(FramesOut(|frame| match frame {
                Message::Binary(data) => vec![Message::Text(format!("b{}", STANDARD.encode(data)))],
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "text-as-binary",
        area: "websocket",
        breaks: &[
            "eio.ws.text-echo",
            "eio.heartbeat.ws.ping-is-text-without-payload",
        ],
        sentence: "sends text in binary frames",
        build: || {
            Box::new(FramesOut(|frame| match frame {
                Message::Text(text) if !text.starts_with('0') => vec![Message::Binary(Bytes::from(text))],
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "websocket-by-post",
        area: "websocket",
        breaks: &["eio.ws.post-upgrade"],
        sentence: "accepts a WebSocket handshake by POST",
        build: || {
            Box::new(Requests(|head| {
                if is_websocket(head) {
                    head.method = http::Method::GET;
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "fragments-are-messages",
        area: "websocket",
        breaks: &["eio.ws.fragmented-text", "eio.ws.fragmented-binary"],
        sentence: "takes the first fragment of a message for the whole and drops the others",
        build: || {
            Box::new(Wire(|frame| {
                frame.first |= 0x80;
                frame.first & 0x0f != 0
            }))
        },
    },
    Entry {
        name: "ignores-ping-frames",
        area: "websocket",
        breaks: &["eio.ws.control-ping"],
        sentence: "does not answer the ping frames of the WebSocket protocol",
        build: || Box::new(Wire(|frame| frame.first & 0x0f != 9)),
    },
    Entry {
        name: "ignores-close-frames",
        area: "websocket",
        breaks: &["eio.ws.close-code-echo", "eio.close.ws.frame-close"],
        sentence: "does not answer the close frame of the WebSocket protocol",
        build: || Box::new(Wire(|frame| frame.first & 0x0f != 8)),
    },
    Entry {
        name: "accepts-unmasked-frames",
        area: "websocket",
        breaks: &["eio.ws.unmasked-frame"],
        sentence: "reads frames that are not masked",
        build: || {
            Box::new(Wire(|frame| {
                frame.masked = true;
                true
            }))
        },
    },
    Entry {
        name: "ignores-reserved-bits",
        area: "websocket",
        breaks: &["eio.ws.rsv-bits"],
        sentence: "reads frames with reserved bits as if they had none",
        build: || {
            Box::new(Wire(|frame| {
                frame.first &= 0x8f;
                true
            }))
        },
    },
    Entry {
        name: "drops-invalid-utf8",
        area: "websocket",
        breaks: &["eio.ws.invalid-utf8-text"],
        sentence: "drops a text frame that is not UTF-8 instead of closing",
        build: || {
            Box::new(Wire(|frame| {
                frame.first & 0x0f != 1 || std::str::from_utf8(&frame.payload).is_ok()
            }))
        },
    },
    Entry {
        name: "fails-on-repeated-parameters",
        area: "websocket",
        breaks: &[
            "eio.ws.duplicate-transport-param",
            "eio.handshake.polling.eio-duplicated",
        ],
        sentence: "answers 500 when a parameter of the query is repeated",
        build: || {
            Box::new(Requests(|head| {
                let query = head.uri.query().unwrap_or("");
                let count = |name: &str| query.split('&').filter(|pair| pair.starts_with(name)).count();
                if count("transport=") > 1 || count("EIO=") > 1 {
                    return answer(500, "text/plain", "query.transport.split is not a function");
                }
                Verdict::Pass
            }))
        },
    },
];

/// Rewrites the open packet of sessions that begin on a WebSocket.
struct OpenOverWebSocket(fn(&str) -> String);

impl Seams for OpenOverWebSocket {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if matches!(transmit, Transmit::Frame(..))
            && let Some(open) = open_packet(&transmit)
        {
            set_open_packet(&mut transmit, (self.0)(&open));
        }
        out.push(transmit);
    }
}
