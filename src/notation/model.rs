//! The checked form of a case: what a `.sio` file says, with every text still as its author wrote it.
//!
//! Owns the types only. Reading them from text is `parse`, writing them back is `print`; what a text
//! matches is `pattern`. The language is described in `cases/README.md`.

use std::fmt;

/// One case file.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The keys above the empty line.
    pub header: Header,
    /// The script, comments and empty lines included, in file order.
    pub script: Vec<Item>,
}

/// The header of a case. See the table in `cases/README.md`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// One sentence that is true when the case passes.
    pub title: String,
    /// Rule ids; the first is the one that a failure accuses.
    pub rules: Vec<String>,
    /// Who is tested.
    pub role: Role,
    /// The transports of a session script; empty for a wire script.
    pub over: Vec<Over>,
    /// What must hold before the script starts.
    pub given: Option<Given>,
    /// What the application must be able to do, in the words of `docs/server-app.md`.
    pub needs: Vec<String>,
    /// The variant of the target's options that the case is for.
    pub variant: Option<String>,
    /// Who answers pings.
    pub heartbeat: Heartbeat,
    /// What the player's open packet has besides or instead of its own members, a JSON object; only for a client.
    pub handshake: Option<String>,
    /// Why the case may end or burden the process of the target.
    pub hazard: Option<String>,
    /// Values by which the script is repeated, one entry a line; lines with the same names add up.
    pub each: Vec<Each>,
    /// Comment lines of the header, without `#`; printed at its top.
    pub comments: Vec<String>,
}

/// Who is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A server: the player is the client.
    #[default]
    Server,
    /// A client: the player is the server.
    Client,
    /// A codec: no wire at all (vectors, never a `.sio` file).
    Codec,
}

/// How a session script reaches the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// A WebSocket from the start.
    WebSocket,
    /// HTTP long-polling throughout.
    Polling,
    /// Opened by polling, upgraded, then played over the WebSocket.
    Upgraded,
}

/// A precondition of a session script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The namespace that is joined first; `/` for `given: connected`.
    pub namespace: String,
}

/// Who answers pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heartbeat {
    /// The player answers pings; they never count.
    #[default]
    Auto,
    /// Pings and pongs are lines of the script.
    Manual,
}

/// One `each` key: names, and tuples of the texts they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each {
    /// The names, at least one.
    pub names: Vec<String>,
    /// The tuples, each as long as `names`.
    pub values: Vec<Vec<String>>,
}

/// A line of the script.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every line is a step")]
pub enum Item {
    /// An empty line.
    Blank,
    /// A comment, without `#` and the space after it.
    Comment(String),
    /// Something that is done or expected.
    Step(Step),
    /// Lines whose order is free.
    AnyOrder(Vec<Self>),
    /// A line of a case with `each`, which is read only once the values are put in: see `instantiate`.
    /// Never in a case without `each`, so never in what is played.
    Template(String),
}

/// Something that is done or expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The line of the file, from 1.
    pub line: u32,
    /// The session or channel.
    pub label: Label,
    /// What goes over the wire, or is done to it.
    pub action: Action,
    /// How often (`x200`); 1 without it.
    pub repeat: u32,
    /// By when, or when.
    pub timing: Timing,
}

/// The name of a session or channel; empty for the line without a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The name, without arrow and `#`.
    pub name: String,
    /// Whether it names a family (`s#`), one channel for each repetition.
    pub family: bool,
}

/// One of the two ends of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// What `>` lines come from.
    Client,
    /// What `<` lines come from.
    Server,
}

/// What a step is.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `>` or `<`: something on the wire, or about it.
    Wire {
        /// Who it comes from.
        from: Party,
        /// What it is.
        content: Content,
        /// `|` and `|=` lines below it.
        alternatives: Vec<Alternative>,
    },
    /// `!`: what the player does to its own connection.
    Own(OwnAction),
    /// `@>`: a command for the program that drives the client under test.
    Command(Text),
    /// `@<`: what that program reports.
    Report {
        /// What is expected.
        text: Text,
        /// `|` and `|=` lines below it.
        alternatives: Vec<Alternative>,
    },
}

/// Another outcome that is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The line of the file, from 1.
    pub line: u32,
    /// What it is. Never a request.
    pub content: Content,
    /// `|=`: just as good. `|`: tolerated, the case ends lenient.
    pub equal: bool,
    /// Comment lines above it, without `#`.
    pub comments: Vec<String>,
}

/// What a `>` or `<` line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A text packet (session script), a packet or whole text of an HTTP body, or a text frame.
    Text(Text),
    /// A binary packet or frame, or the very bytes of an HTTP body.
    Binary(Binary),
    /// `METHOD target`, with headers and body (wire script).
    Request(Request),
    /// `WS target`, with headers (wire script).
    WebSocket(Request),
    /// A status line with headers (wire script).
    Status {
        /// Three digits, or a pattern such as `<int>`.
        code: Text,
        /// Header name and pattern; `absent` for one that must not be there.
        headers: Vec<(String, Text)>,
    },
    /// `<raw>`: these very bytes on the TCP connection.
    Raw(Text),
    /// `<frame …>`: a WebSocket frame with a chosen header.
    Frame(Frame),
    /// `close`, with a WebSocket close code where one is given.
    Close(Option<Text>),
    /// `nothing`: nothing comes.
    Nothing,
    /// `alive`: the session still works.
    Alive,
    /// `...`: anything may follow in this session.
    Rest,
}

/// An HTTP request, or the request of a WebSocket handshake.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method as written; `GET` for a WebSocket handshake.
    pub method: String,
    /// The target as written: `?query`, or an absolute path.
    pub target: Text,
    /// Header name and value; `absent` leaves one out.
    pub headers: Vec<(String, Text)>,
    /// Packets of the body, joined with `\x1e`; or one `Binary`. Empty for no body.
    pub body: Vec<Content>,
    /// `pending`: proved to be parked before the next line.
    pub pending: bool,
}

/// A WebSocket frame with a chosen header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The opcode, 0 to 15.
    pub opcode: u8,
    /// The FIN bit.
    pub fin: bool,
    /// The three reserved bits, 0 to 7 (RSV1 is 4).
    pub rsv: u8,
    /// How it is masked.
    pub mask: Mask,
    /// The length that the header claims, in bytes, where it lies.
    pub length: Option<u64>,
    /// The payload, before masking.
    pub payload: Text,
}

/// How a frame is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// As RFC 6455 asks: frames of a client are masked, those of a server are not.
    Proper,
    /// Not masked.
    None,
    /// Masked with this key.
    Key([u8; 4]),
}

/// Bytes, or any bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `<Buffer 01 02>`
    Bytes(Vec<u8>),
    /// `<Buffer <repeat 500000 "01 ">>`: a generated run of one byte sequence.
    Repeat {
        /// How often.
        count: u32,
        /// What is repeated.
        bytes: Vec<u8>,
    },
    /// `<Buffer ...>`, only where it is expected.
    Any,
}

/// A text with its escapes, generators, captures and patterns still as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(pub String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a line is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timing {
    /// `within`: the deadline, since the line above was done.
    pub within: Option<Duration>,
    /// `@`: when it comes, since the last line of that session or channel.
    pub at: Option<At>,
}

/// When something comes.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// This long after, with 20 % around it.
    About(Duration),
    /// Not before the first and not after the second.
    Between(Duration, Duration),
}

/// A sum of terms, such as `<pingInterval>+0.5*<pingTimeout>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Duration(pub Vec<Term>);

/// A multiple of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// How many.
    pub factor: f64,
    /// Of what.
    pub unit: Unit,
}

/// What durations are counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// A value of the handshake or the target, in milliseconds, such as `pingInterval`.
    Named(String),
}

impl Duration {
    /// The duration in milliseconds, with the named values taken from `lookup`; `None` where one is not known.
    pub fn resolve(&self, lookup: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        self.0.iter().try_fold(0.0, |sum, term| {
            let unit = match &term.unit {
                Unit::Milliseconds => 1.0,
                Unit::Seconds => 1000.0,
                Unit::Named(name) => lookup(name)?,
            };
            Some(sum + term.factor * unit)
        })
    }
}

/// `!`: what the player does to its own connection.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnAction {
    /// Upgrade this polling session to WebSocket.
    Upgrade,
    /// Close the transport in order, with this WebSocket close code where one is given.
    Close(Option<u16>),
    /// End the TCP connections without a word.
    Cut,
    /// The same with a TCP RST.
    Reset,
    /// Stop reading.
    Stall,
    /// Read again.
    Resume,
    /// Open a new Engine.IO session under the same label.
    Reconnect,
    /// Let time pass.
    Wait(Duration),
}
