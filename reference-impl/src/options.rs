//! How to start a reference server: its timers, and the variants of the test application.

use std::time::Duration;

use crate::{
    app::TestApplication,
    engine::{Cors, EngineConfig, Millis, Transport},
    faults::Fault,
    seams::{Ids, NoFault, Seams},
    socket::SocketConfig,
    stack::Stack,
};

/// The options of a reference server. The default is the test application of `docs/server-app.md`.
#[derive(Clone, Debug)]
pub struct Options {
    /// From one pong to the next ping.
    pub ping_interval: Duration,
    /// From a ping until its pong is overdue.
    pub ping_timeout: Duration,
    /// How long a session may last without joining a namespace.
    pub connect_timeout: Duration,
    /// How long an upgrade may take.
    pub upgrade_timeout: Duration,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// The largest POST body and WebSocket message, in bytes.
    pub max_payload: usize,
    /// The path of all requests, with both slashes.
    pub path: String,
    /// Which option of the test application differs from its base.
    pub variant: Variant,
    /// A deliberate fault, if any.
    pub fault: Option<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            connect_timeout: Duration::from_millis(1000),
            upgrade_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            max_payload: 1_000_000,
            path: "/socket.io/".into(),
            variant: Variant::Base,
            fault: None,
        }
    }
}

impl Options {
    /// The options of a variant; `None` if there is none with this name.
    pub fn with_variant(name: &str) -> Option<Self> {
        let variant = Variant::ALL.into_iter().find(|variant| variant.name() == name)?;
        let mut options = Self {
            variant,
            ..Self::default()
        };
        match variant {
            Variant::SlowHeartbeat => {
                options.ping_interval = Duration::from_millis(25_000);
                options.ping_timeout = Duration::from_millis(20_000);
                options.connect_timeout = Duration::from_millis(45_000);
            }
            Variant::UpgradeTimeout => options.upgrade_timeout = Duration::from_millis(300),
            _ => {}
        }
        Some(options)
    }

    /// The server without I/O. `ids` makes sources of unguessable ids.
    pub fn build(&self, ids: impl Fn() -> Ids) -> Stack {
        Stack::new(
            self.engine(),
            self.socket(),
            Box::new(TestApplication::default()),
            self.seams(),
            ids,
        )
    }

    fn seams(&self) -> Box<dyn Seams> {
        self.fault
            .map_or_else(|| Box::new(NoFault) as Box<dyn Seams>, Fault::seams)
    }

    fn engine(&self) -> EngineConfig {
        let mut config = EngineConfig {
            path: self.path.clone(),
            ping_interval: millis(self.ping_interval),
            ping_timeout: millis(self.ping_timeout),
            upgrade_timeout: millis(self.upgrade_timeout),
            max_payload: self.max_payload,
            ..EngineConfig::default()
        };
        match self.variant {
            Variant::NoUpgrades => config.allow_upgrades = false,
            Variant::PollingOnly => config.transports = vec![Transport::Polling],
            Variant::WebSocketOnly => config.transports = vec![Transport::WebSocket],
            Variant::Cors => {
                config.cors = Some(Cors {
                    origin: "http://allowed.example".into(),
                });
            }
            Variant::Cookie => config.cookie = Some("io".into()),
            Variant::RefuseHandshake => config.refuse_handshake = Some("Not today".into()),
            Variant::Base | Variant::Recovery | Variant::SlowHeartbeat | Variant::UpgradeTimeout => {}
        }
        config
    }

    fn socket(&self) -> SocketConfig {
        SocketConfig {
            connect_timeout: millis(self.connect_timeout),
            recovery: (self.variant == Variant::Recovery).then_some(2000),
            ..SocketConfig::default()
        }
    }
}

/// A variant of the test application: the base with one option changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Variant {
    /// Nothing changed.
    Base,
    /// Upgrades are not allowed.
    NoUpgrades,
    /// The only transport is polling.
    PollingOnly,
    /// The only transport is WebSocket.
    WebSocketOnly,
    /// Cross-origin requests are allowed from `http://allowed.example`, with credentials.
    Cors,
    /// The handshake sets the cookie `io`.
    Cookie,
    /// Connection state recovery is on, for 2 seconds.
    Recovery,
    /// The timers that most servers have.
    SlowHeartbeat,
    /// An upgrade that is not finished after 300 ms is given up.
    UpgradeTimeout,
    /// Every handshake is refused with `Not today`.
    RefuseHandshake,
}

impl Variant {
    /// All variants, the base first.
    pub const ALL: [Self; 10] = [
        Self::Base,
        Self::NoUpgrades,
        Self::PollingOnly,
        Self::WebSocketOnly,
        Self::Cors,
        Self::Cookie,
        Self::Recovery,
        Self::SlowHeartbeat,
        Self::UpgradeTimeout,
        Self::RefuseHandshake,
    ];

    /// The name, as in the environment variable `VARIANT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::NoUpgrades => "no-upgrades",
            Self::PollingOnly => "polling-only",
            Self::WebSocketOnly => "websocket-only",
            Self::Cors => "cors",
            Self::Cookie => "cookie",
            Self::Recovery => "recovery",
            Self::SlowHeartbeat => "slow-heartbeat",
            Self::UpgradeTimeout => "upgrade-timeout",
            Self::RefuseHandshake => "refuse-handshake",
        }
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}
