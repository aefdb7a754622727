//! What a driver is looked at for: the steps, what each needs, and what to do where it does not hold.

/// One thing that a driver must get right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Transport(&'static [&'static str]),
    Option,
    Event,
    Undefined,
    Bytes,
    Ack,
    AckTimeout,
    Answer,
    Auth,
    Namespaces,
    Refused,
    Kicked,
    Again,
    Reconnection,
    Many,
    Close,
    CloseEarly,
}

impl Step {
    /// All of them, in the order in which they are taken: what others build on comes first.
    pub(super) const ALL: [Self; 19] = [
        Self::Transport(&["polling"]),
        Self::Transport(&["websocket"]),
        Self::Transport(&["polling", "websocket"]),
        Self::Option,
        Self::Event,
        Self::Undefined,
        Self::Bytes,
        Self::Ack,
        Self::AckTimeout,
        Self::Answer,
        Self::Auth,
        Self::Namespaces,
        Self::Refused,
        Self::Kicked,
        Self::Again,
        Self::Reconnection,
        Self::Many,
        Self::Close,
        Self::CloseEarly,
    ];

    /// What it is about, in few words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Transport(["polling"]) => "connects over polling",
            Self::Transport(["websocket"]) => "connects over WebSocket",
            Self::Transport(_) => "connects over polling and upgrades",
            Self::Option => "owns up to an option that it does not know",
            Self::Event => "emits and reports events, every value as it was",
            Self::Undefined => "has a word for undefined, or says that it has not",
            Self::Bytes => "emits and reports bytes",
            Self::Ack => "reports an acknowledgement under the name of the emission",
            Self::AckTimeout => "reports an acknowledgement that does not come",
            Self::Answer => "answers an event under the number that it reported",
            Self::Auth => "sends the payload of CONNECT",
            Self::Namespaces => "keeps the namespaces of a case apart",
            Self::Refused => "reports a refused namespace with message and data",
            Self::Kicked => "reports that the server has disconnected it",
            Self::Again => "connects a namespace again",
            Self::Reconnection => "connects again after the connection was lost",
            Self::Many => "plays many cases at once",
            Self::Close => "reports nothing after `close`",
            Self::CloseEarly => "`close` ends a connection that is being made, and makes no other",
        }
    }

    /// The words that must be in `client`; where there are several lists, one of them.
    pub(super) fn needs(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Transport(["polling"]) => &[&["polling"]],
            Self::Transport(["websocket"]) => &[&["websocket"]],
            Self::Transport(_) => &[&["polling", "websocket", "upgrade"]],
            Self::Bytes => &[&["binary"]],
            Self::Ack => &[&["ack"]],
            Self::AckTimeout => &[&["ack-timeout"]],
            Self::Answer => &[&["answer"]],
            Self::Auth => &[&["auth"]],
            Self::Namespaces => &[&["namespaces"], &["force-new"]],
            Self::Reconnection => &[&["reconnection", "reconnection-delay"]],
            _ => &[&[]],
        }
    }

    /// What to do where it does not hold.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Transport(_) => {
                "let `connect` use `transports` alone, in this order; report `connect` with `nsp`, and `sid` where `client` has that word"
            }
            Self::Option => {
                "answer {\"id\":…,\"unsupported\":\"why\"} to a `connect` with an option that the library does not have"
            }
            Self::Event => {
                "report each event as {\"case\":…,\"report\":\"event\",\"nsp\":…,\"event\":name,\"args\":[…]}; a number that the language cannot hold is {\"$number\":\"…\"} both ways"
            }
            Self::Undefined => {
                "make {\"$undefined\":true} the undefined value of the language, or answer `unsupported`"
            }
            Self::Bytes => {
                "make {\"$binary\":\"base64\"} bytes before they are emitted, and report bytes in that form, also inside of arrays and objects"
            }
            Self::Ack => {
                "report {\"report\":\"ack\",\"nsp\":…,\"ack\":name,\"args\":[…]} when the acknowledgement comes"
            }
            Self::AckTimeout => {
                "emit with the `timeout` of the request, in milliseconds, and report `ack_error` when it is over"
            }
            Self::Answer => {
                "give an event that asks for an acknowledgement a number as `ack`, and call it back when the command `ack` names that number"
            }
            Self::Auth => "hand the option `auth` to the library as the payload of CONNECT",
            Self::Namespaces => {
                "let a second `connect` of a case join its namespace, and put the `nsp` that a report belongs to into it"
            }
            Self::Refused => {
                "report `connect_error` with the `message` and `data` of the server, not those of a wrapper around them"
            }
            Self::Kicked => "report `disconnect` with `nsp` when the server ends the namespace",
            Self::Again => {
                "let a `connect` with a namespace that the case has had already ask that client to connect once more"
            }
            Self::Reconnection => {
                "hand `reconnection` and `reconnectionDelay` (milliseconds) to the library, and report each `connect`"
            }
            Self::Many => {
                "keep everything under the name of its case, and wait for nothing between a request and its answer"
            }
            Self::Close => {
                "forget the case before its connections are ended, so that their end is not reported"
            }
            Self::CloseEarly => {
                "end what is half open too, where the library does not: cut the connections of the case yourself"
            }
        }
    }
}
