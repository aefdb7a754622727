//! What is asked of a driver.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A request, without its id, and without the case that a request to a client belongs to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
#[schemars(rename = "command")]
pub(crate) enum Request {
    /// Decode each input, a list of frames, with a decoder of its own.
    Decode {
        /// The codec.
        codec: String,
        /// `false` to leave out the data of packets.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<bool>,
        /// How often each is decoded by a new decoder; 1 if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        repeat: Option<u32>,
        /// For each a list of texts, `{"$binary": …}`, `{"$special": …}` or `{"$reset": true}`.
        #[serde(skip_serializing_if = "Option::is_none")]
        inputs: Option<Vec<Value>>,
        /// How many bytes stand behind the line, which are the inputs then: only for a driver whose hello has `raw`.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// Encode each input, a packet, or for `engine-payload` a list of packets.
    Encode {
        /// The codec.
        codec: String,
        /// How often each is encoded from the same value; 1 if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        repeat: Option<u32>,
        /// The packets.
        inputs: Vec<Value>,
    },
    /// Make a client of a namespace and let it connect.
    Connect {
        /// The server, without the path.
        url: String,
        /// The namespace.
        nsp: String,
        /// What is asked of the library.
        #[schemars(with = "ConnectOptions")]
        options: Map<String, Value>,
    },
    /// Emit an event.
    Emit {
        /// The namespace.
        nsp: String,
        /// The name of the event.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
        /// The name under which the acknowledgement is reported.
        #[serde(skip_serializing_if = "Option::is_none")]
        ack: Option<String>,
        /// How long to wait for it, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
        /// Whether it may be lost.
        #[serde(skip_serializing_if = "Option::is_none")]
        volatile: Option<bool>,
    },
    /// Call back an event.
    Ack {
        /// The number with which it was reported.
        ack: u64,
        /// The arguments.
        args: Vec<Value>,
    },
    /// Disconnect a namespace.
    Disconnect {
        /// The namespace.
        nsp: String,
    },
    /// End every connection of the case, and forget it.
    Close {},
}

impl Request {
    /// The request as a JSON object.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            // Its keys are texts and its values JSON: there is nothing that could fail.
            _ => Map::new(),
        }
    }
}

/// The options of `connect`.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "camelCase", rename = "options")]
#[expect(
    dead_code,
    reason = "only its form is of interest: they are passed on as they are"
)]
pub(crate) struct ConnectOptions {
    /// Where Socket.IO is served.
    path: Option<String>,
    /// `polling` and `websocket`, in the order in which they are tried.
    transports: Option<Vec<String>>,
    /// `false`: stay with polling.
    upgrade: Option<bool>,
    /// The payload of CONNECT.
    auth: Option<Value>,
    /// Whether `auth` is given by a function, which adds the number of its calls.
    auth_function: Option<bool>,
    /// Parameters for every request.
    query: Option<Map<String, Value>>,
    /// Headers for every request.
    headers: Option<Map<String, Value>>,
    /// Whether cookies are kept.
    cookies: Option<bool>,
    /// Whether to connect again after the connection was lost.
    reconnection: Option<bool>,
    /// How often.
    reconnection_attempts: Option<u64>,
    /// After how many milliseconds.
    reconnection_delay: Option<u64>,
    /// After how many at most.
    reconnection_delay_max: Option<u64>,
    /// From 0 to 1.
    randomization_factor: Option<f64>,
    /// Milliseconds until a connection counts as failed.
    timeout: Option<u64>,
    /// Whether the namespace gets a connection of its own.
    force_new: Option<bool>,
    /// Whether the next transport is tried after a failure.
    try_all_transports: Option<bool>,
    /// How often whatever is emitted is sent again without an answer.
    retries: Option<u64>,
    /// Milliseconds until it is.
    ack_timeout: Option<u64>,
    /// An event and its arguments, which the handler of the connection emits.
    emit_on_connect: Option<Vec<Value>>,
}
