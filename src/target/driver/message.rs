//! What a driver writes: its hello, its answers, its reports.
//!
//! Reports are looked at before anybody waits for them, so that a driver at fault is not taken for a library that fails.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Something that a driver writes as one line.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "message")]
#[expect(
    dead_code,
    reason = "only its form is of interest: which message comes is known from the keys"
)]
pub(crate) enum Message {
    /// The first line, unasked.
    Hello(HelloMessage),
    /// To a request.
    Answer(AnswerMessage),
    /// Unasked, for a case.
    Report(Report),
}

/// How a driver introduces itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "hello")]
pub(crate) struct HelloMessage {
    /// The version of the protocol.
    #[schemars(with = "u64", extend("const" = 1))]
    #[expect(dead_code, reason = "it is looked at before the rest")]
    hello: IgnoredAny,
    /// The name of the library.
    #[serde(default)]
    pub(crate) name: String,
    /// Its version.
    #[serde(default)]
    pub(crate) version: String,
    /// Its language.
    #[serde(default)]
    pub(crate) language: String,
    /// The codecs that it drives.
    #[serde(default)]
    pub(crate) codecs: Vec<String>,
    /// Whether it reads the inputs of decoders as raw bytes behind a request too.
    #[serde(default)]
    pub(crate) raw: bool,
    /// What the client that it drives can do. The example has all words that there are.
    #[serde(default)]
    #[schemars(extend("examples" = [super::hello::CLIENT_WORDS]))]
    pub(crate) client: Vec<String>,
}

/// The answer to a request. With neither `error` nor `unsupported` the request was done.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "answer")]
#[expect(dead_code, reason = "only its form is of interest")]
pub(crate) struct AnswerMessage {
    /// That of the request.
    id: u64,
    /// How the library refused it.
    error: Option<String>,
    /// Why there is no such thing in the library, or in the driver.
    unsupported: Option<String>,
    /// For `decode` and `encode`: the outcomes of each input.
    results: Option<Vec<Vec<OutcomeMessage>>>,
}

/// What became of a frame or a packet.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "outcome")]
#[expect(dead_code, reason = "only its form is of interest")]
pub(crate) enum OutcomeMessage {
    /// A packet was decoded.
    Packet {
        /// The packet.
        packet: PacketMessage,
    },
    /// More attachments are awaited.
    Wait {
        /// Always true.
        #[schemars(extend("const" = true))]
        wait: bool,
    },
    /// The library refused it.
    Error {
        /// In which words.
        error: String,
    },
    /// What the packet was encoded to.
    Frames {
        /// A text, or `{"$binary": …}`.
        frames: Vec<Value>,
    },
    /// The library or its language has no such value.
    Unsupported {
        /// Why.
        unsupported: String,
    },
}

/// A packet of Engine.IO or Socket.IO.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "packet")]
#[expect(dead_code, reason = "only its form is of interest")]
pub(crate) struct PacketMessage {
    /// Its type, by name.
    r#type: String,
    /// Its namespace; `/` if absent.
    nsp: Option<String>,
    /// Its acknowledgement id.
    id: Option<Value>,
    /// Its data.
    data: Option<Value>,
}

/// What a client reports. Values are JSON, or one of the words `$binary`, `$number`, `$undefined`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "report", rename_all = "snake_case")]
#[schemars(rename = "report")]
#[expect(dead_code, reason = "it is looked at to see that it has the form of a report")]
pub(crate) enum Report {
    /// The namespace is connected.
    Connect {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// What the library shows as the id of its socket.
        sid: Option<String>,
    },
    /// The namespace is not connected.
    ConnectError {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// That of the server, or the library's word.
        #[schemars(with = "Option<Value>")]
        message: Option<IgnoredAny>,
        /// The data that the server sent.
        #[schemars(with = "Option<Value>")]
        data: Option<IgnoredAny>,
    },
    /// An event came.
    Event {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// Its name.
        #[schemars(with = "Value")]
        event: IgnoredAny,
        /// Its arguments.
        #[schemars(with = "Vec<Value>")]
        args: Vec<IgnoredAny>,
        /// The number under which it is answered, where an acknowledgement is asked for.
        ack: Option<u64>,
    },
    /// An acknowledgement came.
    Ack {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// The name of the emission.
        ack: String,
        /// Its arguments.
        #[schemars(with = "Vec<Value>")]
        args: Vec<IgnoredAny>,
    },
    /// An acknowledgement will not come.
    AckError {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// The name of the emission.
        ack: String,
        /// The library's word.
        message: Option<String>,
    },
    /// The namespace is no longer connected.
    Disconnect {
        /// The case.
        case: String,
        /// The namespace.
        nsp: String,
        /// The library's word.
        reason: Option<String>,
    },
    /// The library tries to connect again.
    ReconnectAttempt {
        /// The case.
        case: String,
        /// Which attempt it is, from 1.
        attempt: Option<u64>,
    },
    /// The library gives up.
    ReconnectFailed {
        /// The case.
        case: String,
    },
    /// The library threw where nobody could catch it.
    Error {
        /// The case.
        case: String,
        /// What it threw.
        message: Option<String>,
    },
}

impl Report {
    /// Whether a message has the form of a report.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(message: &Value) -> Result<(), String> {
        Self::deserialize(message)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_without_what_belongs_to_it_is_none() {
        let event = json!({"case": "c1", "report": "event", "nsp": "/", "event": "a", "args": [1, {"$binary": ""}], "more": 1});
        assert_eq!(Report::check(&event), Ok(()));
        for (change, expected) in [
            (json!({"args": null}), "invalid type: null"),
            (json!({"args": "x"}), "invalid type: string"),
            (json!({"ack": "x"}), "invalid type: string"),
            (
                json!({"report": "evnt"}),
                "unknown variant `evnt`, expected one of `connect`",
            ),
            (json!({"case": 7}), "invalid type: integer"),
            (json!({"report": "ack"}), "missing field `ack`"),
        ] {
            let mut wrong = event.clone();
            for (key, value) in change.as_object().unwrap() {
                wrong[key] = value.clone();
            }
            let error = Report::check(&wrong).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
