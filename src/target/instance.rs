//! An instance of the target that runs: whether it is there, whether it is the right one, and its end.

use super::answer::{self, Announced, Answer, NoAnswer};
use super::builtin::{Builtin, BuiltinError};
use super::client::ClientInstance;
use super::driver::DriverError;
use super::group::End;
use super::launch::{LaunchError, Process};
use crate::wire::Endpoint;
use std::time::{Duration, Instant};

/// How long a target that runs already may take to accept its first connection.
pub(super) const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// How long a target may take to answer a measured request before that is given up.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a process may take to be noticed when it no longer answers.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// How much of an answer a message shows.
const SHOWN: usize = 80;

/// Why a target cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its program did not start.
    #[error("{error}{hint}")]
    Launch {
        /// Why not.
        error: Box<LaunchError>,
        /// What may help.
        hint: String,
    },
    /// Nobody answers at its URL.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why not.
        reason: NoAnswer,
    },
    /// Something else answers.
    #[error(
        "{url} answers {with} (status {status}, {content_type}: `{excerpt}`), over polling as over WebSocket: expected an Engine.IO handshake; is the path right?"
    )]
    WebPage {
        /// The URL.
        url: String,
        /// What the answer is.
        with: &'static str,
        /// The status of the answer.
        status: u16,
        /// Its content type.
        content_type: String,
        /// How it begins.
        excerpt: String,
    },
    /// The driver of its codec did not start.
    #[error("{error}{hint}")]
    Driver {
        /// Why not.
        error: Box<DriverError>,
        /// What may help.
        hint: String,
    },
    /// The built-in reference did not start.
    #[error(transparent)]
    Builtin(#[from] BuiltinError),
}

/// How an instance of the target was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its process ended.
    Ended(End),
    /// It no longer answers.
    Silent(NoAnswer),
    /// The driver of a client can no longer be spoken with, and why; whether it is the driver that is at fault.
    Driver(String, bool),
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(end) => end.fmt(f),
            Self::Driver(why, _) => f.write_str(why),
            Self::Silent(reason) => write!(f, "the target no longer answers: {reason}"),
        }
    }
}

impl From<DriverError> for Loss {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::Ended { end, .. } => Self::Ended(end),
            DriverError::Silent { .. } => Self::Driver(error.to_string(), false),
            _ => Self::Driver(error.to_string(), true),
        }
    }
}

/// An instance of the target that runs.
#[derive(Debug)]
pub struct Instance {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What its first handshake announced, if it was one.
    pub announced: Option<Announced>,
    /// After how many milliseconds it closes a connection without CONNECT; `None` where it does not, or nobody knows.
    pub connect_timeout_ms: Option<f64>,
    client: reqwest::Client,
    body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Builtin(Builtin),
    Remote,
    Process(Process),
    Client(ClientInstance),
}

impl Instance {
    pub(super) fn new(
        endpoint: Endpoint,
        announced: Option<Announced>,
        connect_timeout_ms: Option<f64>,
        client: reqwest::Client,
        body: Body,
    ) -> Self {
        Self {
            endpoint,
            announced,
            connect_timeout_ms,
            client,
            body,
        }
    }

    /// A client, whose driver runs. It listens nowhere: its endpoint is the path at which clients look for a server.
    pub(super) fn of_client(client: ClientInstance) -> Self {
        let endpoint = Endpoint {
            tls: false,
            host: std::net::Ipv4Addr::LOCALHOST.to_string(),
            port: 0,
            path: super::DEFAULT_PATH.to_owned(),
            insecure: false,
        };
        let http = crate::wire::http_client(false);
        Self::new(endpoint, None, None, http, Body::Client(client))
    }

    /// The driver, where the target is a client.
    pub fn client(&self) -> Option<&ClientInstance> {
        match &self.body {
            Body::Client(client) => Some(client),
            _ => None,
        }
    }

    /// Waits until it is lost, as far as that is noticed without asking.
    pub async fn lost(&self) -> Loss {
        match &self.body {
            Body::Client(client) => client.lost().await.into(),
            _ => Loss::Ended(self.ended().await),
        }
    }

    /// Another handle on an instance that siospec did not start.
    #[must_use]
    pub fn same(&self) -> Self {
        let (endpoint, client) = (self.endpoint.clone(), self.client.clone());
        Self::new(
            endpoint,
            self.announced,
            self.connect_timeout_ms,
            client,
            Body::Remote,
        )
    }

    /// Waits for the end of its process; for ever where siospec knows of none.
    pub async fn ended(&self) -> End {
        match &self.body {
            Body::Process(process) => process.ended().await,
            Body::Builtin(_) | Body::Remote | Body::Client(_) => std::future::pending().await,
        }
    }

    /// How its process ended, if it has.
    pub fn end(&self) -> Option<End> {
        match &self.body {
            Body::Process(process) => process.end(),
            Body::Builtin(_) | Body::Remote | Body::Client(_) => None,
        }
    }

    /// Whether it still answers: it is silent where it takes longer than `patience`, twice.
    ///
    /// # Errors
    /// How it was lost.
    pub async fn health(&self, patience: Duration) -> Result<(), Loss> {
        if let Body::Client(client) = &self.body {
            return client.health().await.map_err(Loss::from);
        }
        if answer::ask(&self.client, &self.endpoint, patience).await.is_ok() {
            return self.end().map_or(Ok(()), |end| Err(Loss::Ended(end)));
        }
        if let Ok(end) = tokio::time::timeout(END_PATIENCE, self.ended()).await {
            return Err(Loss::Ended(end));
        }
        let again = answer::ask(&self.client, &self.endpoint, patience).await;
        again.map(|_| ()).map_err(Loss::Silent)
    }

    /// The shortest of some round trips of a handshake, or of a request to its driver, in milliseconds.
    pub async fn round_trip_ms(&self, trips: u32) -> f64 {
        let mut shortest = f64::INFINITY;
        for _ in 0..trips {
            let before = Instant::now();
            let answered = match &self.body {
                Body::Client(client) => client.health().await.is_ok(),
                _ => answer::ask(&self.client, &self.endpoint, ANSWER_PATIENCE)
                    .await
                    .is_ok(),
            };
            if answered {
                shortest = shortest.min(before.elapsed().as_secs_f64() * 1000.0);
            }
        }
        if shortest.is_finite() {
            shortest
        } else {
            ANSWER_PATIENCE.as_secs_f64() * 1000.0
        }
    }

    /// The last lines of its output, after its end; empty where siospec does not see it.
    pub async fn last_words(&self) -> String {
        match &self.body {
            Body::Process(process) => process.last_words().await,
            Body::Builtin(_) | Body::Remote | Body::Client(_) => String::new(),
        }
    }

    /// Asks it to end, and waits until it is gone. What siospec did not start is left alone.
    pub async fn stop(&self) {
        match &self.body {
            Body::Process(process) => process.stop().await,
            Body::Client(client) => client.stop().await,
            Body::Builtin(server) => server.stop(),
            Body::Remote => {}
        }
    }

    /// Ends it at once. What siospec did not start is left alone.
    pub async fn kill(&self) {
        match &self.body {
            Body::Process(process) => process.kill().await,
            Body::Client(client) => client.stop().await,
            Body::Builtin(server) => server.stop(),
            Body::Remote => {}
        }
    }
}

/// Waits for the first answer.
pub(super) async fn contact(
    client: &reqwest::Client,
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<Answer, StartError> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match answer::ask(client, endpoint, left).await {
            Ok(answer) => return Ok(answer),
            Err(NoAnswer::NoConnection(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(reason) => {
                return Err(StartError::Unreachable {
                    url: endpoint.url(&endpoint.path),
                    reason,
                });
            }
        }
    }
}

/// Refuses what is a web server and nothing more, so that a wrong URL is not reported as hundreds of failures.
pub(super) async fn recognise(
    client: &reqwest::Client,
    endpoint: &Endpoint,
    answer: &Answer,
) -> Result<(), StartError> {
    let with = match answer {
        _ if answer.content_type.starts_with("text/html") => "with a web page",
        _ if answer.status == 404 => "that there is nothing",
        _ => return Ok(()),
    };
    if answer::speaks_websocket(client, endpoint).await {
        return Ok(());
    }
    Err(StartError::WebPage {
        url: endpoint.url(&endpoint.path),
        with,
        status: answer.status,
        content_type: answer.content_type.clone(),
        excerpt: answer
            .body
            .chars()
            .take(SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
    })
}
