//! What a server can be told about its Engine.IO layer.

use super::Millis;

/// A way to carry packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in the query and in the handshake.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// Whom browsers may let in from another origin. Credentials are allowed.
#[derive(Clone, Debug)]
pub struct Cors {
    /// The one allowed origin, such as `http://allowed.example`.
    pub origin: String,
}

/// The options of an [`Engine`](super::Engine).
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The path of all requests, with both slashes.
    pub path: String,
    /// The transports that a session may begin with or upgrade to.
    pub transports: Vec<Transport>,
    /// Whether a session may change from polling to WebSocket.
    pub allow_upgrades: bool,
    /// From one pong to the next ping.
    pub ping_interval: Millis,
    /// From a ping until its pong is overdue.
    pub ping_timeout: Millis,
    /// How long an upgrade may take from the WebSocket handshake to the upgrade packet.
    pub upgrade_timeout: Millis,
    /// The largest POST body and WebSocket message, in bytes.
    pub max_payload: usize,
    /// How many bytes may wait for a client that does not poll before its session is given up.
    pub max_buffered: usize,
    /// Answers to requests from other origins.
    pub cors: Option<Cors>,
    /// The name of a cookie with the session id, set by the handshake.
    pub cookie: Option<String>,
    /// If set, every handshake is refused with this text.
    pub refuse_handshake: Option<String>,
}

impl Default for EngineConfig {
    /// The options of the test application.
    fn default() -> Self {
        Self {
            path: "/socket.io/".into(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            allow_upgrades: true,
            ping_interval: 300,
            ping_timeout: 200,
            upgrade_timeout: 10_000,
            max_payload: 1_000_000,
            max_buffered: 16 << 20,
            cors: None,
            cookie: None,
            refuse_handshake: None,
        }
    }
}
