//! What a client can be told: how to reach the server, and what to do when the connection is lost.

use std::fmt;

use crate::engine::{Millis, Transport};

/// A source of numbers from 0 (included) to 1 (excluded).
pub type Random = Box<dyn FnMut() -> f64 + Send>;

/// The options of a client. The default is what Socket.IO clients do unless they are told otherwise.
#[derive(Clone)]
pub struct ClientOptions {
    /// The path of all requests, with both slashes.
    pub path: String,
    /// The transports in the order in which they are tried.
    pub transports: Vec<Transport>,
    /// Whether a session changes from polling to WebSocket where the server offers it.
    pub upgrade: bool,
    /// Whether the next transport is tried when the first one fails to open.
    pub try_all_transports: bool,
    /// Further parameters for the query of every request, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Further headers for every request.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Whether cookies are kept for the time of a session, and sent.
    pub cookies: bool,
    /// Whether the connection is made again after it was lost.
    pub reconnection: bool,
    /// How often in a row that is tried; `None` for ever.
    pub reconnection_attempts: Option<u32>,
    /// From the loss of the connection to the first attempt; each further attempt waits twice as long.
    pub reconnection_delay: Millis,
    /// The most that an attempt waits.
    pub reconnection_delay_max: Millis,
    /// How far a delay may be off by chance, from 0 to 1.
    pub randomization_factor: f64,
    /// How long a connection may take to open.
    pub timeout: Millis,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            path: "/socket.io/".into(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            upgrade: true,
            try_all_transports: false,
            query: Vec::new(),
            headers: Vec::new(),
            cookies: false,
            reconnection: true,
            reconnection_attempts: None,
            reconnection_delay: 1000,
            reconnection_delay_max: 5000,
            randomization_factor: 0.5,
            timeout: 20_000,
        }
    }
}

impl fmt::Debug for ClientOptions {
    /// Headers and query may hold credentials: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("path", &self.path)
            .field("transports", &self.transports)
            .field("headers", &self.headers.len())
            .field("query", &self.query.len())
            .finish_non_exhaustive()
    }
}
