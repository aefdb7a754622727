//! socketioxide: its parser of Socket.IO packets, and the packets and payloads of its Engine.IO.

use std::hint::black_box;

use bytes::Bytes;
use engineioxide_core::{Packet as EnginePacket, PacketBuf, ProtocolVersion, payload};
use futures_util::{StreamExt as _, stream};
use http_body_util::Full;
use socketioxide_core::{
    Str, Value,
    packet::{Packet, PacketData},
    parser::{Parse as _, ParseConfig, ParserState},
};
use socketioxide_parser_common::CommonParser;

use crate::{
    inputs::{Event, Inputs, Task},
    json::{self, Arguments},
    measure::Contestant,
};

const NAME: &str = "socketioxide";
/// More than the payload has, in bytes.
const MAX_PAYLOAD: u64 = 1 << 20;

/// What is measured in a task.
pub(crate) fn contestants(inputs: &Inputs, task: Task) -> Vec<Contestant<'_>> {
    match (inputs.event(task.input), task.encode) {
        (Some(event), false) => vec![Contestant::new(NAME, decoding(event))],
        (Some(event), true) => {
            let values = Arguments(json::arguments(event));
            vec![Contestant::new(NAME, move || encode(event.name, &values))]
        }
        (None, false) => {
            let body = Bytes::from(inputs.payload.clone());
            vec![Contestant::new(NAME, move || decode_payload(black_box(&body)))]
        }
        (None, true) => {
            let text = Str::from(inputs.small.text.clone());
            vec![Contestant::new(NAME, move || encode_payload(black_box(&text)))]
        }
    }
}

fn decoding(event: &Event) -> impl FnMut() + '_ {
    let config = ParseConfig::default();
    let state = ParserState::default();
    // It takes over the text that the WebSocket gave it: nothing is copied here either.
    let text = Str::from(event.text.clone());
    move || {
        let mut packet = CommonParser.decode_str(&config, &state, black_box(&text).clone());
        for attachment in &event.attachments {
            packet = CommonParser.decode_bin(&config, &state, attachment.clone());
        }
        let (PacketData::Event(mut data, _) | PacketData::BinaryEvent(mut data, _)) = packet.unwrap().inner
        else {
            panic!("it is an event");
        };
        black_box(CommonParser.read_event(&data).unwrap());
        let arguments: Arguments<'_> = CommonParser.decode_value(&mut data, true).unwrap();
        black_box(&arguments);
    }
}

fn encode(name: &str, values: &Arguments<'_>) -> (Str, usize) {
    let data = CommonParser.encode_value(black_box(values), Some(name)).unwrap();
    match CommonParser.encode(Packet::event("/", data)) {
        Value::Str(text, attachments) => (text, attachments.map_or(0, |attachments| attachments.len())),
        Value::Bytes(_) => panic!("it is a text"),
    }
}

fn decode_payload(body: &Bytes) -> Vec<EnginePacket> {
    let body = Full::new(body.clone());
    let packets = payload::decoder(body, None, ProtocolVersion::V4, MAX_PAYLOAD);
    futures_executor::block_on(packets.map(Result::unwrap).collect())
}

fn encode_payload(text: &Str) -> Bytes {
    let packets =
        (0..16).map(|_| std::iter::once(EnginePacket::Message(text.clone())).collect::<PacketBuf>());
    let encoder = payload::encoder(stream::iter(packets), ProtocolVersion::V4, false, MAX_PAYLOAD);
    futures_executor::block_on(encoder).data
}
