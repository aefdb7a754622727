//! The packets that a campaign makes up: a model of what the protocol can say, filled by `arbitrary`.
//!
//! The model is valid by itself; what is wrong with an input comes from its flaws and from [`super::mutate`].

use crate::suite::{Codec, Frame};
use arbitrary::{Arbitrary, Result, Unstructured};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// How deep made-up values are nested.
const DEEPEST: usize = 4;
/// Texts from which names, namespaces and values are made.
const TEXTS: [&str; 22] = [
    "a",
    "b",
    "foo",
    "",
    "message",
    "é",
    "€",
    "\u{1f600}",
    "\u{0}",
    "\n",
    "\"",
    "\\",
    "\u{1e}",
    "\u{2028}",
    "__proto__",
    "_placeholder",
    "num",
    "constructor",
    "1",
    "-1",
    "connect",
    "a\u{301}",
];
/// Names of events with nothing odd about them.
const NAMES: [&str; 4] = ["a", "b", "foo", "message"];
/// JSON numbers that are read differently.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "-0",
    "1.0",
    "1.5",
    "1e2",
    "1E-2",
    "1e400",
    "-1e400",
    "0.1",
    "9007199254740991",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "1e21",
    "123456789012345680000",
    "5e-324",
    "0e0",
    "1.7976931348623157e308",
    "2147483648",
    "4294967296",
];
/// JSON numbers that every library writes as they were read.
const PLAIN_NUMBERS: [&str; 6] = ["0", "1", "-1", "42", "1.5", "-0.25"];
/// Namespaces.
const NAMESPACES: [&str; 9] = [
    "/", "/a", "/admin", "/é", "/a b", "/a?b=c", "/1", "/a/b", "/[\"x\"]",
];
/// Escapes that stand in JSON strings.
const ESCAPES: [&str; 8] = [
    "\\n",
    "\\u0000",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00",
    "\\/",
    "\\u001e",
    "\\u00e9",
];
/// White space, also where JSON has none.
const SPACES: [&str; 6] = [" ", "\n", "\t", "\r", "\u{a0}", "\u{feff}"];

/// A type of Socket.IO packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

/// How often each is made: there is most to be wrong in those with arguments.
const KINDS: [Kind; 12] = [
    Kind::Event,
    Kind::Event,
    Kind::Event,
    Kind::Event,
    Kind::Event,
    Kind::Event,
    Kind::Ack,
    Kind::Ack,
    Kind::Ack,
    Kind::Connect,
    Kind::ConnectError,
    Kind::Disconnect,
];

/// What may be wrong with a packet as a whole.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    AttachmentMissing,
    AttachmentTooMuch,
    TextBetween,
    CountTooHigh,
    CountTooLow,
    Trailing,
    LeadingZeros,
    NumberOfPlaceholder,
    Payload,
}

/// A JSON value that may hold bytes.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Bool(bool),
    Number(&'static str),
    Text(String),
    /// The inside of a string literal, as it stands.
    Escape(&'static str),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Binary(Vec<u8>),
}

/// The frames of one decoder.
pub(super) fn frames(codec: Codec, raw: &mut Unstructured<'_>) -> Result<Vec<Frame>> {
    Ok(match codec {
        Codec::EnginePacket => {
            let count = raw.int_in_range(1..=2)?;
            (0..count).map(|_| engine_frame(raw)).collect::<Result<_>>()?
        }
        Codec::EnginePayload => {
            let count = raw.int_in_range(1..=4)?;
            let packets = (0..count)
                .map(|_| engine_text(raw, true))
                .collect::<Result<Vec<_>>>()?;
            vec![Frame::Text(packets.join("\u{1e}"))]
        }
        Codec::SocketPacket => {
            let mut all = socket_frames(raw)?;
            while all.len() < 6 && raw.ratio(1, 4)? {
                if raw.ratio(1, 4)? {
                    all.push(Frame::Reset);
                }
                all.append(&mut socket_frames(raw)?);
            }
            all
        }
    })
}

/// A packet for an encoder, or a list of packets for a payload.
pub(super) fn packet(codec: Codec, raw: &mut Unstructured<'_>) -> Result<Value> {
    match codec {
        Codec::EnginePacket => engine_packet(raw, false),
        Codec::EnginePayload => {
            let count = raw.int_in_range(1..=4)?;
            (0..count).map(|_| engine_packet(raw, true)).collect()
        }
        Codec::SocketPacket => socket_packet(raw),
    }
}

fn text(raw: &mut Unstructured<'_>) -> Result<String> {
    let mut text = (*raw.choose(&TEXTS)?).to_owned();
    while text.len() < 60 && raw.ratio(1, 3)? {
        text.push_str(raw.choose(&TEXTS)?);
    }
    Ok(text)
}

fn bytes(raw: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = raw.int_in_range(0..=8)?;
    Ok(raw.bytes(length.min(raw.len()))?.to_vec())
}

fn engine_frame(raw: &mut Unstructured<'_>) -> Result<Frame> {
    Ok(if raw.ratio(1, 4)? {
        Frame::Binary(bytes(raw)?)
    } else {
        Frame::Text(engine_text(raw, false)?)
    })
}

fn engine_text(raw: &mut Unstructured<'_>, in_payload: bool) -> Result<String> {
    if in_payload && raw.ratio(1, 4)? {
        return Ok(format!("b{}", STANDARD.encode(bytes(raw)?)));
    }
    // Most are messages: of what stands in other packets codecs may make anything.
    Ok(match raw.int_in_range(0..=19)? {
        0 => "2probe".to_owned(),
        1 => "3probe".to_owned(),
        2 => "0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":1}"
            .to_owned(),
        3 => format!("{}", raw.int_in_range(1..=6)?),
        4 | 5 => format!("4{}", raw.choose(&NUMBERS)?),
        6..=9 => format!("4{}", socket_text(raw)?),
        _ => format!("4{}", text(raw)?),
    })
}

fn engine_packet(raw: &mut Unstructured<'_>, in_payload: bool) -> Result<Value> {
    let kind = *raw.choose(&[
        "message", "message", "message", "ping", "pong", "close", "upgrade", "noop",
    ])?;
    let data = match kind {
        "message" if raw.ratio(1, 3)? => json!({ "$binary": STANDARD.encode(bytes(raw)?) }),
        "message" => {
            let text = text(raw)?;
            // A separator in a text cannot be told from one between packets.
            json!(if in_payload {
                text.replace('\u{1e}', "")
            } else {
                text
            })
        }
        "ping" | "pong" if raw.ratio(1, 2)? => json!("probe"),
        _ => return Ok(json!({ "type": kind })),
    };
    Ok(json!({ "type": kind, "data": data }))
}

fn socket_text(raw: &mut Unstructured<'_>) -> Result<String> {
    let frames = socket_frames(raw)?;
    Ok(match frames.into_iter().next() {
        Some(Frame::Text(text)) => text,
        _ => String::new(),
    })
}

/// The frames of one packet, with a flaw in some.
fn socket_frames(raw: &mut Unstructured<'_>) -> Result<Vec<Frame>> {
    let kind = *raw.choose(&KINDS)?;
    let flaw: Option<Flaw> = if raw.ratio(1, 4)? {
        Some(raw.arbitrary()?)
    } else {
        None
    };
    let mut printer = Printer::default();
    let payload = payload(kind, flaw, raw)?;
    let wrong = flaw == Some(Flaw::NumberOfPlaceholder);
    if let Some(payload) = payload {
        printer.number_from = usize::from(wrong);
        printer.print(&payload, raw)?;
    }
    let digit = match (kind, printer.attachments.is_empty()) {
        (Kind::Connect, _) => 0,
        (Kind::Disconnect, _) => 1,
        (Kind::Event, true) => 2,
        (Kind::Ack, true) => 3,
        (Kind::ConnectError, _) => 4,
        (Kind::Event, false) => 5,
        (Kind::Ack, false) => 6,
    };
    let mut text = digit.to_string();
    if digit > 4 {
        let count = match flaw {
            Some(Flaw::CountTooHigh) => printer.attachments.len() + 1,
            Some(Flaw::CountTooLow) => printer.attachments.len() - 1,
            _ => printer.attachments.len(),
        };
        text.push_str(&format!("{count}-"));
    }
    if raw.ratio(1, 3)? {
        text.push_str(raw.choose(&NAMESPACES)?);
        text.push(',');
    }
    if digit == 3 || digit == 6 || digit % 3 == 2 && raw.ratio(1, 3)? {
        if flaw == Some(Flaw::LeadingZeros) {
            text.push('0');
        }
        let id = *raw.choose(&[
            "0",
            "1",
            "7",
            "12",
            "42",
            "9007199254740991",
            "9007199254740993",
            "18446744073709551616",
        ])?;
        text.push_str(id);
    }
    text.push_str(&printer.text);
    if flaw == Some(Flaw::Trailing) {
        text.push_str(raw.choose(&["x", "[]", ",", "]", " 1"])?);
    }
    let mut frames = vec![Frame::Text(text)];
    if flaw == Some(Flaw::TextBetween) {
        frames.push(Frame::Text("2[\"b\"]".to_owned()));
    }
    frames.extend(printer.attachments.into_iter().map(Frame::Binary));
    match flaw {
        Some(Flaw::AttachmentMissing) if frames.len() > 1 => drop(frames.pop()),
        Some(Flaw::AttachmentTooMuch) => frames.push(Frame::Binary(bytes(raw)?)),
        _ => {}
    }
    Ok(frames)
}

/// The payload of a packet; `None` where it has none.
fn payload(kind: Kind, flaw: Option<Flaw>, raw: &mut Unstructured<'_>) -> Result<Option<Json>> {
    if flaw == Some(Flaw::Payload) {
        return if raw.ratio(1, 4)? {
            Ok(None)
        } else {
            value(DEEPEST, raw).map(Some)
        };
    }
    Ok(match kind {
        Kind::Disconnect => None,
        Kind::Connect if raw.ratio(1, 2)? => None,
        Kind::Connect | Kind::ConnectError => Some(object(DEEPEST, false, raw)?),
        Kind::Ack => Some(Json::List(list(DEEPEST, raw)?)),
        Kind::Event => {
            // Who stumbles over a name shows nothing else: so most names are plain.
            let name = match raw.ratio(1, 3)? {
                true => text(raw)?,
                false => (*raw.choose(&NAMES)?).to_owned(),
            };
            let mut all = vec![Json::Text(name)];
            all.append(&mut list(DEEPEST, raw)?);
            Some(Json::List(all))
        }
    })
}

fn list(deepest: usize, raw: &mut Unstructured<'_>) -> Result<Vec<Json>> {
    let mut all = Vec::new();
    while all.len() < 4 && raw.ratio(1, 2)? {
        all.push(value(deepest, raw)?);
    }
    Ok(all)
}

fn object(deepest: usize, binary: bool, raw: &mut Unstructured<'_>) -> Result<Json> {
    let mut members = Vec::new();
    while members.len() < 3 && raw.ratio(1, 2)? {
        let inner = value(deepest, raw)?;
        members.push((text(raw)?, if binary { inner } else { without_bytes(inner) }));
    }
    Ok(Json::Object(members))
}

/// Packets without a binary type hold no bytes.
fn without_bytes(value: Json) -> Json {
    match value {
        Json::Binary(_) => Json::Null,
        Json::List(items) => Json::List(items.into_iter().map(without_bytes).collect()),
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(key, inner)| (key, without_bytes(inner)))
                .collect(),
        ),
        plain => plain,
    }
}

fn value(deepest: usize, raw: &mut Unstructured<'_>) -> Result<Json> {
    let last = if deepest == 0 { 5 } else { 8 };
    Ok(match raw.int_in_range(0..=last)? {
        0 => Json::Null,
        1 => Json::Bool(raw.arbitrary()?),
        2 if raw.ratio(2, 3)? => Json::Number(raw.choose(&PLAIN_NUMBERS)?),
        2 => Json::Number(raw.choose(&NUMBERS)?),
        3 => Json::Text(text(raw)?),
        4 => Json::Escape(raw.choose(&ESCAPES)?),
        5 | 6 => Json::Binary(bytes(raw)?),
        7 => Json::List(list(deepest - 1, raw)?),
        _ => object(deepest - 1, true, raw)?,
    })
}

/// Writes a value as JSON text, with its attachments beside it.
#[derive(Default)]
struct Printer {
    text: String,
    attachments: Vec<Vec<u8>>,
    number_from: usize,
}

impl Printer {
    fn print(&mut self, value: &Json, raw: &mut Unstructured<'_>) -> Result<()> {
        match value {
            Json::Null => self.text.push_str("null"),
            Json::Bool(bool) => self.text.push_str(if *bool { "true" } else { "false" }),
            Json::Number(number) => self.text.push_str(number),
            Json::Text(text) => self.text.push_str(&json!(text).to_string()),
            Json::Escape(inner) => self.text.push_str(&format!("\"{inner}\"")),
            Json::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.text.push(if index == 0 { '[' } else { ',' });
                    self.space(raw)?;
                    self.print(item, raw)?;
                }
                self.text.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Json::Object(members) => {
                self.text.push('{');
                for (index, (key, item)) in members.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.text.push_str(&json!(key).to_string());
                    self.space(raw)?;
                    self.text.push(':');
                    self.print(item, raw)?;
                }
                self.text.push('}');
            }
            Json::Binary(bytes) => {
                let num = self.attachments.len() + self.number_from;
                self.text
                    .push_str(&format!("{{\"_placeholder\":true,\"num\":{num}}}"));
                self.attachments.push(bytes.clone());
            }
        }
        Ok(())
    }

    fn space(&mut self, raw: &mut Unstructured<'_>) -> Result<()> {
        if raw.ratio(1, 30)? {
            self.text.push_str(raw.choose(&SPACES)?);
        }
        Ok(())
    }
}

/// A packet that every encoder must be able to write.
fn socket_packet(raw: &mut Unstructured<'_>) -> Result<Value> {
    let kind = *raw.choose(&KINDS)?;
    let word = match kind {
        Kind::Connect => "connect",
        Kind::Disconnect => "disconnect",
        Kind::Event => "event",
        Kind::Ack => "ack",
        Kind::ConnectError => "connect_error",
    };
    let mut packet = json!({ "type": word });
    if raw.ratio(1, 3)? {
        // A query behind a namespace is the client's affair.
        packet["nsp"] = json!(raw.choose(&["/", "/a", "/admin", "/é", "/a b", "/1", "/a/b"])?);
    }
    if word == "ack" || word == "event" && raw.ratio(1, 3)? {
        packet["id"] = json!(raw.choose(&[0_u64, 1, 12, 4_294_967_296, 9_007_199_254_740_991])?);
    }
    let mut data = match kind {
        Kind::ConnectError => Some(json!({ "message": text(raw)? })),
        _ => payload(kind, None, raw)?.as_ref().map(encoded),
    };
    if let (Some(Value::Array(items)), "event") = (&mut data, word) {
        const RESERVED: [&str; 6] = [
            "connect",
            "connect_error",
            "disconnect",
            "disconnecting",
            "newListener",
            "removeListener",
        ];
        if items
            .first()
            .and_then(Value::as_str)
            .is_some_and(|name| RESERVED.contains(&name))
        {
            items[0] = json!("a");
        }
    }
    if let Some(data) = data {
        packet["data"] = data;
    }
    Ok(packet)
}

/// A value as the driver protocol has it; without what an encoder may treat in more than one way.
fn encoded(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(bool) => json!(bool),
        Json::Number(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        Json::Text(text) => json!(text),
        Json::Escape(inner) => serde_json::from_str(&format!("\"{inner}\"")).unwrap_or(Value::Null),
        Json::List(items) => items.iter().map(encoded).collect(),
        Json::Object(members) => {
            let plain = |key: &&(String, Json)| key.0 != "__proto__" && key.0 != "_placeholder";
            let members = members
                .iter()
                .filter(plain)
                .map(|(key, item)| (key.clone(), encoded(item)));
            Value::Object(members.collect())
        }
        Json::Binary(bytes) => json!({ "$binary": STANDARD.encode(bytes) }),
    }
}
