//! Encoding and decoding undo each other. An input that begins with the byte 0x00 is read as a packet of the model by
//! `arbitrary`; any other is read as frames.
//!
//! - `decode(encode(p)) = p` for every packet of the model, over a WebSocket and in a payload.
//! - What is decoded from any frames encodes as frames that decode to the same packet, and encodes as itself from then
//!   on.

use arbitrary::{Arbitrary, Unstructured};
use reference_impl::codec::{
    Decoder, Encoded, EnginePacket, EnginePacketType, Packet, PacketError, PacketType, decode_payload,
    encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event, encode_payload,
};

use super::{
    frames::{Frame, read},
    model::{self, Kind},
};

/// Runs the target.
pub fn run(data: &[u8]) {
    match data {
        [0, rest @ ..] => {
            let mut source = Unstructured::new(rest);
            if let Ok(packets) = Vec::<model::Packet>::arbitrary(&mut source) {
                packets.iter().for_each(packet_comes_back);
                payload_comes_back(&packets);
            }
        }
        frames => frames_are_stable(frames),
    }
}

fn packet_comes_back(model: &model::Packet) {
    let (encoded, arguments) = model.encode();
    let decoded = decode(&encoded)
        .expect("an encoded packet decodes")
        .expect("it is complete");
    assert_eq!(decoded.namespace(), model.namespace());
    match &model.kind {
        Kind::Connect(_) | Kind::Disconnect | Kind::ConnectError(_) => {
            assert_eq!(decoded.payload().map(str::to_owned), model.payload());
        }
        Kind::Event { id, .. } => {
            assert_eq!(decoded.id().and_then(|id| id.as_u64()), *id);
            assert_eq!(decoded.name(), model.name());
            assert_eq!(decoded.arguments(), arguments);
        }
        Kind::Ack { id, .. } => {
            assert_eq!(decoded.id().and_then(|id| id.as_u64()), Some(*id));
            assert_eq!(decoded.arguments(), arguments);
        }
    }
    assert_eq!(encode(&decoded), encoded);
}

/// The packets in one body, each text as a message and each attachment as bytes.
fn payload_comes_back(packets: &[model::Packet]) {
    let encoded: Vec<Encoded> = packets.iter().map(|packet| packet.encode().0).collect();
    let packets: Vec<EnginePacket<'_>> = encoded
        .iter()
        .flat_map(|encoded| {
            let text = EnginePacket::Text(EnginePacketType::Message, &encoded.text);
            [text]
                .into_iter()
                .chain(encoded.attachments.iter().cloned().map(EnginePacket::Binary))
        })
        // A namespace may have a separator in it, and then it is no text for a payload.
        .filter(|packet| !matches!(packet, EnginePacket::Text(_, text) if text.contains('\u{1e}')))
        .collect();
    if !packets.is_empty() {
        let body = encode_payload(packets.clone());
        assert_eq!(decode_payload(&body).collect::<Result<Vec<_>, _>>(), Ok(packets));
    }
}

fn frames_are_stable(data: &[u8]) {
    let mut decoder = Decoder::default();
    for frame in read(data) {
        let decoded = match frame {
            Frame::Text(text) => decoder.decode_text(text),
            Frame::Binary(data) => decoder.decode_binary(data),
            Frame::Reset => {
                decoder.reset();
                Ok(None)
            }
        };
        if let Ok(Some(packet)) = decoded {
            is_stable(&packet);
        }
    }
}

fn is_stable(packet: &Packet<'_>) {
    let encoded = encode(packet);
    // A packet may use an attachment more often than its sender may announce attachments.
    let again = match decode(&encoded) {
        Err(PacketError::TooManyAttachments { .. }) => return,
        again => again.expect("an encoded packet decodes").expect("it is complete"),
    };
    assert_eq!(again.packet_type(), packet.packet_type());
    assert_eq!(again.namespace(), packet.namespace());
    assert_eq!(again.name(), packet.name());
    match packet.packet_type() {
        PacketType::Event | PacketType::Ack => {
            assert_eq!(again.id(), packet.id());
            assert_eq!(again.arguments(), packet.arguments());
        }
        // An id says nothing here, and is not written.
        _ => assert_eq!(again.payload(), packet.payload()),
    }
    assert_eq!(encode(&again), encoded);
}

fn decode(encoded: &Encoded) -> Result<Option<Packet<'_>>, PacketError> {
    let mut decoder = Decoder::default();
    let mut packet = decoder.decode_text(&encoded.text)?;
    for attachment in &encoded.attachments {
        assert!(packet.is_none(), "complete before its attachments came");
        packet = decoder.decode_binary(attachment.clone())?;
    }
    Ok(packet)
}

fn encode(packet: &Packet<'_>) -> Encoded {
    let namespace = packet.namespace();
    let text = match packet.packet_type() {
        PacketType::Event => {
            return encode_event(namespace, packet.id(), &packet.name(), packet.arguments());
        }
        PacketType::Ack => {
            let id = packet.id().expect("an acknowledgement has an id");
            return encode_ack(namespace, id, packet.arguments());
        }
        PacketType::Connect => encode_connect(namespace, packet.payload()),
        PacketType::Disconnect => encode_disconnect(namespace),
        PacketType::ConnectError => encode_connect_error(namespace, packet.payload().unwrap_or_default()),
    };
    Encoded {
        text,
        attachments: Vec::new(),
    }
}
