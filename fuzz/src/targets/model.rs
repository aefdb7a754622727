//! Packets as `arbitrary` makes them: every one of them is valid, and is told apart from every other by its encoding.

use arbitrary::Arbitrary;
use bytes::Bytes;
use reference_impl::codec::{
    AckId, Arguments, Encoded, Piece, encode_ack, encode_connect, encode_connect_error, encode_disconnect,
    encode_event, quote,
};

/// The most attachments that a packet of the model has: what a receiver allows by default.
const MOST_ATTACHMENTS: usize = 10;

/// A packet of Socket.IO.
#[derive(Arbitrary, Clone, Debug)]
pub struct Packet {
    namespace: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// What a packet is.
#[derive(Arbitrary, Clone, Debug)]
pub enum Kind {
    /// A CONNECT, with a payload or without.
    Connect(Option<Vec<(String, Value)>>),
    /// A DISCONNECT.
    Disconnect,
    /// A CONNECT_ERROR.
    ConnectError(Vec<(String, Value)>),
    /// An EVENT.
    Event {
        /// The id, where an answer is asked for.
        id: Option<u64>,
        /// What it is called, reserved names included: `Packet::name` changes those.
        name: String,
        /// What it carries.
        arguments: Vec<Value>,
    },
    /// An ACK.
    Ack {
        /// The id of the event.
        id: u64,
        /// What it carries.
        arguments: Vec<Value>,
    },
}

/// A value with binary parts anywhere.
#[derive(Arbitrary, Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Any number; one that JSON does not have is `null`.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

/// Pieces of JSON text, and the bytes between them.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Result<String, Bytes>>,
    open: String,
    attachments: usize,
}

impl Packet {
    /// A namespace that can be written: no comma, since that would end it.
    pub fn namespace(&self) -> String {
        format!(
            "/{}",
            self.namespace.as_deref().unwrap_or_default().replace(',', "")
        )
    }

    /// The name of an event that anybody may send.
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Event { name, .. } if name.starts_with(['c', 'd', 'n', 'r']) => format!("_{name}"),
            Kind::Event { name, .. } => name.clone(),
            _ => String::new(),
        }
    }

    /// The payload of a packet without arguments, as JSON text.
    pub fn payload(&self) -> Option<String> {
        let (Kind::Connect(Some(members)) | Kind::ConnectError(members)) = &self.kind else {
            return None;
        };
        let mut pieces = Pieces {
            attachments: MOST_ATTACHMENTS,
            ..Pieces::default()
        };
        pieces.object(members);
        Some(pieces.open)
    }

    /// The frames, and the arguments in them.
    pub fn encode(&self) -> (Encoded, Arguments) {
        let namespace = self.namespace();
        let text = |text| {
            (
                Encoded {
                    text,
                    attachments: Vec::new(),
                },
                Arguments::new(),
            )
        };
        match &self.kind {
            Kind::Connect(_) => text(encode_connect(&namespace, self.payload().as_deref())),
            Kind::Disconnect => text(encode_disconnect(&namespace)),
            Kind::ConnectError(_) => text(encode_connect_error(
                &namespace,
                &self.payload().unwrap_or_default(),
            )),
            Kind::Event { id, arguments, .. } => {
                let arguments = arguments_of(arguments);
                let id = id.map(AckId::from);
                (
                    encode_event(&namespace, id.as_ref(), &self.name(), &arguments),
                    arguments,
                )
            }
            Kind::Ack { id, arguments } => {
                let arguments = arguments_of(arguments);
                (encode_ack(&namespace, &AckId::from(*id), &arguments), arguments)
            }
        }
    }
}

fn arguments_of(values: &[Value]) -> Arguments {
    let mut arguments = Arguments::new();
    for value in values {
        let mut pieces = Pieces {
            attachments: arguments.attachments().len(),
            ..Pieces::default()
        };
        pieces.value(value);
        pieces.pieces.push(Ok(std::mem::take(&mut pieces.open)));
        arguments.push_pieces(pieces.pieces.iter().map(|piece| match piece {
            Ok(json) => Piece::Json(json),
            Err(bytes) => Piece::Binary(bytes.clone()),
        }));
    }
    arguments
}

impl Pieces {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.open.push_str("null"),
            Value::Bool(value) => self.open.push_str(if *value { "true" } else { "false" }),
            Value::Whole(value) => self.open.push_str(&value.to_string()),
            Value::Float(value) if value.is_finite() => self.open.push_str(&format!("{value:e}")),
            Value::Float(_) => self.open.push_str("null"),
            Value::Text(text) => quote(&mut self.open, text),
            Value::Binary(bytes) if self.attachments < MOST_ATTACHMENTS => {
                self.attachments += 1;
                self.pieces.push(Ok(std::mem::take(&mut self.open)));
                self.pieces.push(Err(Bytes::copy_from_slice(bytes)));
            }
            Value::Binary(bytes) => self.open.push_str(&format!("{bytes:?}")),
            Value::Array(items) => {
                self.open.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(index);
                    self.value(item);
                }
                self.open.push(']');
            }
            Value::Object(members) => self.object(members),
        }
    }

    fn object(&mut self, members: &[(String, Value)]) {
        self.open.push('{');
        for (index, (key, item)) in members.iter().enumerate() {
            self.separate(index);
            // An object of the application that looks like a placeholder is one for whoever reads it.
            let key = if key == "_placeholder" { "placeholder" } else { key };
            quote(&mut self.open, key);
            self.open.push(':');
            self.value(item);
        }
        self.open.push('}');
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.open.push(',');
        }
    }
}
