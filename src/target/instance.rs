//! The target as the one who runs siospec names it, and an instance of it that runs.

use super::DEFAULT_CONNECT_TIMEOUT_MS;
use super::answer::{self, Announced, Answer, NoAnswer};
use super::builtin::{self, Builtin, BuiltinError};
use super::launch::{End, Launch, LaunchError, Limits, Process};
use super::manifest::{KnownEntry, Manifest, Program, Variant};
use crate::outcome::TargetInfo;
use crate::wire::{Endpoint, EndpointError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a target that runs already may take to accept its first connection.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// How long a target may take to answer before it counts as silent; asked twice.
const HEALTH_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a process may take to be noticed when it no longer answers.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// The connect timeout of the variant `slow-heartbeat`, in milliseconds.
const SLOW_CONNECT_TIMEOUT_MS: f64 = 45_000.0;
/// How much of an answer a message shows.
const SHOWN: usize = 80;

/// What is tested.
#[derive(Debug)]
pub struct Target {
    info: TargetInfo,
    known: Vec<KnownEntry>,
    limits: Limits,
    insecure: bool,
    connect_timeout: Option<f64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Builtin {
        fault: Option<String>,
    },
    Remote(Endpoint),
    Program {
        program: Program,
        folder: PathBuf,
        variants: BTreeMap<String, Variant>,
        installs: bool,
    },
}

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
        "{url} answers with a web page (status {status}, {content_type}: `{excerpt}`), over polling as over WebSocket: expected an Engine.IO handshake; is the path right?"
    )]
    WebPage {
        /// The URL.
        url: String,
        /// The status of the answer.
        status: u16,
        /// Its content type.
        content_type: String,
        /// How it begins.
        excerpt: String,
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
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(end) => end.fmt(f),
            Self::Silent(reason) => write!(f, "the target no longer answers: {reason}"),
        }
    }
}

impl Target {
    /// The reference that is part of siospec, with a deliberate fault where one is named.
    ///
    /// # Errors
    /// Where there is no fault of that name.
    pub fn builtin(fault: Option<&str>) -> Result<Self, BuiltinError> {
        if let Some(fault) = fault {
            builtin::check_fault(fault)?;
        }
        let name = fault.map_or_else(
            || "reference".to_owned(),
            |fault| format!("reference with the fault {fault}"),
        );
        let argument = fault.map_or_else(String::new, |fault| format!("--fault {fault}"));
        let info = TargetInfo {
            name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: "Rust".to_owned(),
            argument,
            ..TargetInfo::default()
        };
        Ok(Self::new(
            info,
            Kind::Builtin {
                fault: fault.map(str::to_owned),
            },
        ))
    }

    /// A server that runs already.
    ///
    /// # Errors
    /// Where the text is no URL of a server.
    pub fn url(text: &str, insecure: bool) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse(text)?.with_insecure(insecure);
        let info = TargetInfo {
            name: text.to_owned(),
            argument: text.to_owned(),
            ..TargetInfo::default()
        };
        Ok(Self {
            insecure,
            ..Self::new(info, Kind::Remote(endpoint))
        })
    }

    /// A server that this command starts, in the current folder. `command` has at least one word.
    pub fn command(command: Vec<String>) -> Self {
        let name = command.first().cloned().unwrap_or_default();
        let info = TargetInfo {
            name,
            argument: format!("-- {}", command.join(" ")),
            ..TargetInfo::default()
        };
        let program = Program {
            command,
            path: super::DEFAULT_PATH.to_owned(),
            connect_timeout_ms: Some(DEFAULT_CONNECT_TIMEOUT_MS),
            env: BTreeMap::new(),
        };
        let (folder, variants) = (PathBuf::from("."), BTreeMap::new());
        Self::new(
            info,
            Kind::Program {
                program,
                folder,
                variants,
                installs: false,
            },
        )
    }

    /// The server of a manifest, which was named by `argument`; `None` where it has none.
    pub fn manifest(manifest: Manifest, argument: &str) -> Option<Self> {
        let info = TargetInfo {
            name: manifest.name,
            version: manifest.version,
            language: manifest.language,
            homepage: manifest.homepage,
            argument: argument.to_owned(),
        };
        let kind = Kind::Program {
            program: manifest.server?,
            folder: manifest.folder,
            variants: manifest.variants,
            installs: !manifest.install.is_empty(),
        };
        Some(Self {
            known: manifest.known,
            ..Self::new(info, kind)
        })
    }

    fn new(info: TargetInfo, kind: Kind) -> Self {
        Self {
            info,
            known: Vec::new(),
            limits: Limits::default(),
            insecure: false,
            connect_timeout: None,
            kind,
        }
    }

    /// The same target, with this much granted to its processes.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same target, with a connect timeout that is known better; 0 for none.
    #[must_use]
    pub fn with_connect_timeout(self, ms: Option<f64>) -> Self {
        Self {
            connect_timeout: ms,
            ..self
        }
    }

    /// What reports call it.
    pub fn info(&self) -> &TargetInfo {
        &self.info
    }

    /// What its manifest lists as known failures.
    pub fn known(&self) -> &[KnownEntry] {
        &self.known
    }

    /// Whether it is the reference, of which is known what it can do.
    pub fn is_builtin(&self) -> bool {
        matches!(self.kind, Kind::Builtin { .. })
    }

    /// Whether siospec starts it itself, so that it may be ended and started again.
    pub fn is_launched(&self) -> bool {
        !matches!(self.kind, Kind::Remote(_))
    }

    /// Whether it can be started in this variant of its options; the empty name is the default.
    pub fn offers(&self, variant: &str) -> bool {
        variant.is_empty()
            || match &self.kind {
                Kind::Builtin { .. } => builtin::offers(variant),
                Kind::Remote(_) => false,
                Kind::Program { variants, .. } => variants.contains_key(variant),
            }
    }

    /// Starts it in a variant that it [offers](Self::offers), or goes to see whether it runs.
    ///
    /// # Errors
    /// Where it does not answer, or is no Socket.IO server by the look of it.
    pub async fn start(&self, variant: &str) -> Result<Instance, StartError> {
        let client = crate::wire::http_client(self.insecure);
        let instance = match &self.kind {
            Kind::Builtin { fault } => {
                let server = Builtin::start(variant, fault.as_deref()).await?;
                let endpoint = server.endpoint.clone();
                // With a fault its handshake may be no good; what it is set to is known all the same.
                let announced = contact(&client, &endpoint, FIRST_CONTACT).await?.announced;
                let announced = announced.or(Some(Announced::DOCUMENTED));
                let timeout = self.connect_timeout(Some(DEFAULT_CONNECT_TIMEOUT_MS), variant);
                Instance::new(endpoint, announced, timeout, client, Body::Builtin(server))
            }
            Kind::Remote(endpoint) => {
                let answer = contact(&client, endpoint, FIRST_CONTACT).await?;
                recognise(&client, endpoint, &answer).await?;
                let documented = answer
                    .announced
                    .is_some_and(|announced| announced == Announced::DOCUMENTED);
                let timeout = self.connect_timeout(documented.then_some(DEFAULT_CONNECT_TIMEOUT_MS), variant);
                Instance::new(endpoint.clone(), answer.announced, timeout, client, Body::Remote)
            }
            Kind::Program {
                program,
                folder,
                variants,
                installs,
            } => {
                let launch = self.launch(program, folder, variants.get(variant), variant);
                let started = Process::start(&launch, self.limits, &client).await;
                let process = started.map_err(|error| self.launch_error(error, *installs))?;
                if variant.is_empty() {
                    recognise(&client, &process.endpoint, &process.answer).await?;
                }
                let timeout = self.connect_timeout(program.connect_timeout_ms, variant);
                let (endpoint, announced) = (process.endpoint.clone(), process.answer.announced);
                Instance::new(endpoint, announced, timeout, client, Body::Process(process))
            }
        };
        Ok(instance)
    }

    fn launch(
        &self,
        program: &Program,
        folder: &std::path::Path,
        variant: Option<&Variant>,
        name: &str,
    ) -> Launch {
        let mut env = program.env.clone();
        env.insert("VARIANT".to_owned(), name.to_owned());
        let mut command = program.command.clone();
        if let Some(variant) = variant {
            env.extend(variant.env.clone());
            command = variant.command.clone().unwrap_or(command);
        }
        Launch {
            command,
            folder: folder.to_owned(),
            env,
            path: program.path.clone(),
        }
    }

    fn launch_error(&self, error: LaunchError, installs: bool) -> StartError {
        let hint = if installs && matches!(error, LaunchError::Spawn { .. } | LaunchError::Ended { .. }) {
            format!("\nis it installed? try: siospec install {}", self.info.argument)
        } else {
            String::new()
        };
        StartError::Launch {
            error: Box::new(error),
            hint,
        }
    }

    /// The connect timeout of an instance, where `usual` is what the target has by default.
    fn connect_timeout(&self, usual: Option<f64>, variant: &str) -> Option<f64> {
        let usual = match self.connect_timeout {
            Some(known) => (known > 0.0).then_some(known),
            None => usual,
        };
        if variant == "slow-heartbeat" {
            usual.map(|_| SLOW_CONNECT_TIMEOUT_MS)
        } else {
            usual
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
enum Body {
    Builtin(Builtin),
    Remote,
    Process(Process),
}

impl Instance {
    fn new(
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
            Body::Builtin(_) | Body::Remote => std::future::pending().await,
        }
    }

    /// How its process ended, if it has.
    pub fn end(&self) -> Option<End> {
        match &self.body {
            Body::Process(process) => process.end(),
            Body::Builtin(_) | Body::Remote => None,
        }
    }

    /// Whether it still answers.
    ///
    /// # Errors
    /// How it was lost.
    pub async fn health(&self) -> Result<(), Loss> {
        if answer::ask(&self.client, &self.endpoint, HEALTH_PATIENCE)
            .await
            .is_ok()
        {
            return self.end().map_or(Ok(()), |end| Err(Loss::Ended(end)));
        }
        if let Ok(end) = tokio::time::timeout(END_PATIENCE, self.ended()).await {
            return Err(Loss::Ended(end));
        }
        let again = answer::ask(&self.client, &self.endpoint, HEALTH_PATIENCE).await;
        again.map(|_| ()).map_err(Loss::Silent)
    }

    /// The shortest of some round trips of a handshake, in milliseconds.
    pub async fn round_trip_ms(&self, trips: u32) -> f64 {
        let mut shortest = f64::INFINITY;
        for _ in 0..trips {
            let before = Instant::now();
            if answer::ask(&self.client, &self.endpoint, HEALTH_PATIENCE)
                .await
                .is_ok()
            {
                shortest = shortest.min(before.elapsed().as_secs_f64() * 1000.0);
            }
        }
        if shortest.is_finite() {
            shortest
        } else {
            HEALTH_PATIENCE.as_secs_f64() * 1000.0
        }
    }

    /// The last lines of its output, after its end; empty where siospec does not see it.
    pub async fn last_words(&self) -> String {
        match &self.body {
            Body::Process(process) => process.last_words().await,
            Body::Builtin(_) | Body::Remote => String::new(),
        }
    }

    /// Asks it to end, and waits until it is gone. What siospec did not start is left alone.
    pub async fn stop(&self) {
        match &self.body {
            Body::Process(process) => process.stop().await,
            Body::Builtin(server) => server.stop(),
            Body::Remote => {}
        }
    }

    /// Ends it at once. What siospec did not start is left alone.
    pub async fn kill(&self) {
        match &self.body {
            Body::Process(process) => process.kill().await,
            Body::Builtin(server) => server.stop(),
            Body::Remote => {}
        }
    }
}

/// Waits for the first answer.
async fn contact(
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
async fn recognise(client: &reqwest::Client, endpoint: &Endpoint, answer: &Answer) -> Result<(), StartError> {
    if !answer.content_type.starts_with("text/html") || answer::speaks_websocket(client, endpoint).await {
        return Ok(());
    }
    Err(StartError::WebPage {
        url: endpoint.url(&endpoint.path),
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
