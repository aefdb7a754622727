//! The target as the one who runs siospec names it: built in, a URL, a command, a manifest.

use super::DEFAULT_CONNECT_TIMEOUT_MS;
use super::answer::Announced;
use super::builtin::{self, Builtin, BuiltinError};
use super::client::ClientTarget;
use super::instance::{Body, FIRST_CONTACT, Instance, StartError, contact, recognise};
use super::launch::{Launch, LaunchError, Limits, Process};
use super::manifest::{KnownEntry, Manifest, Program, Variant};
use crate::notation::{Role, nearest};
use crate::outcome::TargetInfo;
use crate::wire::{Endpoint, EndpointError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The connect timeout of the variant `slow-heartbeat`, in milliseconds.
const SLOW_CONNECT_TIMEOUT_MS: f64 = 45_000.0;

/// How long the driver of a client may take to answer, unless somebody says otherwise.
const DRIVER_PATIENCE: Duration = Duration::from_secs(30);

/// What is tested.
#[derive(Debug)]
pub struct Target {
    info: TargetInfo,
    known: Vec<KnownEntry>,
    limits: Limits,
    insecure: bool,
    connect_timeout: Option<f64>,
    /// How long the driver of a client may take to answer.
    patience: Duration,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Builtin {
        fault: Option<String>,
    },
    Remote(Endpoint),
    Client(ClientTarget),
    Program {
        program: Program,
        folder: PathBuf,
        variants: BTreeMap<String, Variant>,
        installs: bool,
    },
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

    /// The reference in one of its roles, with a deliberate fault where one is named. Its codec is no target of this kind:
    /// for that role too this is the server.
    ///
    /// # Errors
    /// Where there is no fault of that name in this role.
    pub fn reference(role: Role, fault: Option<&str>) -> Result<Self, BuiltinError> {
        match role {
            Role::Client => ClientTarget::reference(fault).map(Self::client),
            Role::Server | Role::Codec => Self::builtin(fault),
        }
    }

    /// A server that runs already.
    ///
    /// # Errors
    /// Where the text is no URL of a server.
    pub fn url(text: &str, insecure: bool) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse(text)?.with_insecure(insecure);
        let info = TargetInfo {
            name: text.to_owned(),
            argument: quoted(text),
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
            argument: format!(
                "-- {}",
                command
                    .iter()
                    .map(|word| quoted(word))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            ..TargetInfo::default()
        };
        let program = Program {
            command,
            path: super::DEFAULT_PATH.to_owned(),
            connect_timeout_ms: Some(DEFAULT_CONNECT_TIMEOUT_MS),
            jobs: None,
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
            argument: quoted(argument),
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

    /// A client, by its driver.
    pub fn client(client: ClientTarget) -> Self {
        Self {
            known: client.known().to_vec(),
            ..Self::new(client.info().clone(), Kind::Client(client))
        }
    }

    fn new(info: TargetInfo, kind: Kind) -> Self {
        Self {
            info,
            known: Vec::new(),
            limits: Limits::default(),
            insecure: false,
            connect_timeout: None,
            patience: DRIVER_PATIENCE,
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

    /// The same target; the driver of a client must answer within `patience`.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What reports call it.
    pub fn info(&self) -> &TargetInfo {
        &self.info
    }

    /// What its manifest lists as known failures.
    pub fn known(&self) -> &[KnownEntry] {
        &self.known
    }

    /// How many trials it can take side by side at most, where its manifest says so.
    pub fn jobs(&self) -> Option<usize> {
        match &self.kind {
            Kind::Program { program, .. } => program.jobs,
            Kind::Builtin { .. } | Kind::Remote(_) | Kind::Client(_) => None,
        }
    }

    /// Whether it is the reference, of which is known what it can do.
    pub fn is_builtin(&self) -> bool {
        match &self.kind {
            Kind::Builtin { .. } => true,
            Kind::Client(client) => client.is_builtin(),
            Kind::Remote(_) | Kind::Program { .. } => false,
        }
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
                Kind::Remote(_) | Kind::Client(_) => false,
                Kind::Program { variants, .. } => variants.contains_key(variant),
            }
    }

    /// A variant of its manifest whose name is nearly this one.
    pub fn variant_near(&self, variant: &str) -> Option<&str> {
        match &self.kind {
            Kind::Program { variants, .. } => nearest(variant, variants.keys().map(String::as_str)),
            Kind::Builtin { .. } | Kind::Remote(_) | Kind::Client(_) => None,
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
            Kind::Client(client) => {
                let started = client.start(self.limits, self.patience).await;
                Instance::of_client(started.map_err(|error| StartError::Driver {
                    hint: client.hint(&error),
                    error: Box::new(error),
                })?)
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

/// A word as a POSIX shell wants it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them() {
        assert_eq!(quoted("server/a-b"), "server/a-b");
        assert_eq!(quoted("server/a[?EIO=4]"), "'server/a[?EIO=4]'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
