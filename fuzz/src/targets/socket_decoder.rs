//! One text message of Socket.IO. The input is the text.
//!
//! - The JSON validator accepts exactly what serde_json's, which is another program, accepts.
//! - A packet that is accepted has a payload that serde_json accepts too, of the kind that its type asks for, and as
//!   many arguments as serde_json counts.
//! - The name of an event is what serde_json reads, and no reserved one.
//! - Nothing of the text is passed over, but white space behind the payload.

use std::str;

use reference_impl::codec::{Argument, Decoder, Packet, PacketType, unquote, validate_json};
use serde_json::value::RawValue;

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let theirs = serde_json::from_str::<&RawValue>(text);
    assert_eq!(validate_json(text).is_ok(), theirs.is_ok(), "{theirs:?}");
    if let Ok(literal) = serde_json::from_str::<String>(text) {
        assert_eq!(unquote(text.trim_ascii()).as_deref(), Some(literal.as_str()));
    }
    let mut decoder = Decoder::default();
    if let Ok(Some(packet)) = decoder.decode_text(text) {
        check(&packet);
        check_end(text, packet.payload());
        assert_eq!(packet.clone().into_owned(), packet);
    }
}

/// Where a packet ends: with its payload, or else with its namespace or id.
fn check_end(text: &str, payload: Option<&str>) {
    match payload {
        Some(payload) => assert!(text.trim_end_matches([' ', '\t', '\n', '\r']).ends_with(payload)),
        None => assert!(text[1..].starts_with('/') || text[1..].bytes().all(|byte| byte.is_ascii_digit())),
    }
}

/// Whether a packet is what a decoder may give.
///
/// # Panics
/// Where it is not.
pub fn check(packet: &Packet<'_>) {
    assert!(packet.namespace().starts_with('/'));
    assert_eq!(packet.attachments().len(), packet.announced_attachments());
    let payload = packet.payload();
    if let Some(payload) = payload {
        let raw: Result<&RawValue, _> = serde_json::from_str(payload);
        assert!(raw.is_ok(), "{payload} is no JSON");
    }
    let first = payload.and_then(|payload| payload.chars().next());
    match packet.packet_type() {
        PacketType::Connect => assert!(matches!(first, None | Some('{'))),
        PacketType::ConnectError => assert!(matches!(first, Some('{' | '"'))),
        PacketType::Disconnect => assert!(payload.is_none() && packet.id().is_none()),
        PacketType::Ack => assert!(packet.id().is_some()),
        PacketType::Event => check_name(packet),
    }
    if let PacketType::Event | PacketType::Ack = packet.packet_type() {
        let elements: Vec<&RawValue> =
            serde_json::from_str(payload.unwrap_or_default()).expect("an array with these elements");
        let name = usize::from(packet.packet_type() == PacketType::Event);
        let texts = elements.iter().skip(name).map(|element| element.get());
        assert!(texts.eq(packet.argument_texts()), "{packet:?}");
        check_arguments(packet);
    } else {
        assert_eq!(packet.argument_texts().count(), 0);
    }
}

fn check_name(packet: &Packet<'_>) {
    const RESERVED: [&str; 6] = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    let name = packet.name();
    assert!(!RESERVED.contains(&name.as_ref()));
    // A lone surrogate is no text for serde_json.
    if let Ok(theirs) = serde_json::from_str::<String>(packet.name_literal()) {
        assert_eq!(name, theirs);
    }
}

/// Arguments that are sent again have each attachment where its placeholder was.
fn check_arguments(packet: &Packet<'_>) {
    let arguments = packet.arguments();
    assert_eq!(arguments.iter().count(), packet.argument_texts().count());
    for attachment in arguments.attachments() {
        assert!(packet.attachments().contains(attachment));
    }
    for (value, text) in packet.values().zip(packet.argument_texts()) {
        match value {
            Argument::Json(json) => assert_eq!(json, text),
            Argument::Binary(data) => {
                assert!(
                    text.starts_with('{') && packet.attachments().contains(data),
                    "{text}"
                );
            }
        }
    }
    assert_eq!(packet.values().count(), packet.argument_texts().count());
    if packet.announced_attachments() == 0 {
        assert!(arguments.attachments().is_empty());
        assert!(arguments.iter().eq(packet.argument_texts()));
    }
}
