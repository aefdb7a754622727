//! The reference: with argument values, and with the arguments kept as JSON text that was checked.

use std::hint::black_box;

use reference_impl::codec::{
    Argument, Arguments, Decoder, EnginePacket, EnginePacketType, Packet, decode_payload, encode_event,
    encode_payload,
};

use crate::{
    inputs::{Event, Inputs, Task},
    json::{self, Json, NamedArguments},
    measure::Contestant,
};

const VALUES: &str = "reference";
const RAW: &str = "reference, raw JSON";

/// What is measured in a task.
pub(crate) fn contestants(inputs: &Inputs, task: Task) -> Vec<Contestant<'_>> {
    match (inputs.event(task.input), task.encode) {
        (Some(event), false) => vec![
            Contestant::new(VALUES, decoding(event, read_values)),
            Contestant::new(RAW, decoding(event, read_raw)),
        ],
        (Some(event), true) => {
            let values = json::arguments(event);
            vec![
                Contestant::new(VALUES, move || encode_values(event.name, &values)),
                Contestant::new(RAW, move || encode_raw(event)),
            ]
        }
        (None, false) => vec![Contestant::new(VALUES, || {
            decode_payload(black_box(&inputs.payload))
                .map(Result::unwrap)
                .collect::<Vec<_>>()
        })],
        (None, true) => {
            let messages = vec![inputs.small.text.as_str(); 16];
            vec![Contestant::new(VALUES, move || {
                let messages = black_box(&messages).iter();
                encode_payload(messages.map(|text| EnginePacket::Text(EnginePacketType::Message, text)))
            })]
        }
    }
}

fn decoding<'i>(event: &'i Event, read: impl Fn(&Packet<'_>) + 'i) -> impl FnMut() + 'i {
    let mut decoder = Decoder::default();
    move || {
        let mut decoded = decoder.decode_text(black_box(&event.text));
        for attachment in &event.attachments {
            decoded = decoder.decode_binary(attachment.clone());
        }
        match &decoded {
            Ok(Some(packet)) => read(packet),
            other => panic!("it is an event: {other:?}"),
        }
    }
}

/// The name and the arguments as values, attachments in their places.
fn read_values(packet: &Packet<'_>) {
    if packet.attachments().is_empty() {
        let arguments: NamedArguments<'_> = serde_json::from_str(packet.payload().unwrap()).unwrap();
        black_box((&arguments.name, &arguments.values));
        return;
    }
    let values: Vec<Json<'_>> = packet.values().map(|argument| value(packet, argument)).collect();
    black_box((packet.name(), &values));
}

fn value<'p>(packet: &'p Packet<'_>, argument: Argument<'p>) -> Json<'p> {
    match argument {
        Argument::Binary(data) => Json::Binary(data.clone()),
        Argument::Json(text) => {
            let mut value: Json<'_> = serde_json::from_str(text).unwrap();
            value.attach(packet.attachments());
            value
        }
    }
}

/// The name and the arguments as JSON text, which the decoder has checked.
fn read_raw(packet: &Packet<'_>) {
    black_box(packet.name());
    packet.argument_texts().for_each(|text| {
        black_box(text);
    });
    black_box(packet.attachments());
}

fn encode_values(name: &str, values: &[Json<'_>]) -> reference_impl::codec::Encoded {
    let mut arguments = Arguments::new();
    for value in black_box(values) {
        match value {
            Json::Binary(data) => arguments.push_binary(data.clone()),
            value => arguments.push_json(serde_json::to_string(value).unwrap()),
        };
    }
    encode_event("/", None, name, arguments)
}

fn encode_raw(event: &Event) -> reference_impl::codec::Encoded {
    let mut arguments = Arguments::new();
    let text = black_box(event.arguments.as_str());
    if event.attachments.is_empty() {
        arguments.push_json(&text[1..text.len() - 1]);
    }
    for data in &event.attachments {
        arguments.push_binary(data.clone());
    }
    encode_event("/", None, event.name, arguments)
}
