//! What every session answers with: the open packet, the change to WebSocket, packets and texts.

use super::listener::Host;
use super::message::Answer;
use super::sessions::HostedOptions;
use crate::notation::{Mask, Over};
use crate::transcript::Handshake;
use crate::wire::payload::Packet;
use crate::wire::websocket_frame as frame;
use serde_json::{Map, Value, json};

pub(super) async fn write(host: &Host, exchange: u64, packet: &Packet) {
    let (opcode, bytes) = match packet {
        Packet::Text(text) => (frame::TEXT, text.clone()),
        Packet::Binary(bytes) => (frame::BINARY, bytes.clone()),
    };
    // Where the client is gone the record says so.
    host.frame(exchange, &frame::message(opcode, bytes), Mask::Proper, None)
        .await;
}

pub(super) fn accept(host: &Host, exchange: u64) {
    host.answer(
        exchange,
        Answer {
            status: 101,
            headers: Vec::new(),
            body: Vec::new(),
        },
    );
}

pub(super) fn text(body: &str) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain; charset=UTF-8".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

pub(super) fn members(sid: &str, options: &HostedOptions) -> Map<String, Value> {
    let upgrades = if options.over == Over::Upgraded {
        json!(["websocket"])
    } else {
        json!([])
    };
    let mut members = Map::new();
    members.insert("sid".to_owned(), json!(sid));
    members.insert("upgrades".to_owned(), upgrades);
    members.insert("pingInterval".to_owned(), json!(25_000));
    members.insert("pingTimeout".to_owned(), json!(20_000));
    members.insert("maxPayload".to_owned(), json!(1_000_000));
    members.extend(options.handshake.clone());
    members
}

pub(super) fn handshake(members: &Map<String, Value>, over: Over) -> Handshake {
    let number = |name: &str| members.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let texts = members.get("upgrades").and_then(Value::as_array);
    Handshake {
        over: over.word().to_owned(),
        sid: members
            .get("sid")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        upgrades: texts
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        ping_interval: number("pingInterval"),
        ping_timeout: number("pingTimeout"),
        max_payload: number("maxPayload"),
    }
}
