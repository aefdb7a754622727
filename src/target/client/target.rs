//! Which client is tested: the reference in this process, or a library behind a driver.

use super::super::builtin::BuiltinError;
use super::super::builtin_client;
use super::super::driver::{DriverError, DriverProgram, InProcess, Pipe, rubbish};
use super::super::launch::Limits;
use super::super::manifest::{KnownEntry, Manifest};
use super::instance::ClientInstance;
use crate::outcome::TargetInfo;
use std::time::Duration;

/// What is tested.
pub struct ClientTarget {
    program: DriverProgram,
    in_process: Option<Start>,
}

/// Starts a driver in this process, and gives the channels to send it requests and to receive its messages, of which the
/// first is its hello. It ends when the sender is dropped.
type Start = Box<dyn Fn() -> InProcess + Send + Sync>;

impl std::fmt::Debug for ClientTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.program.fmt(f)
    }
}

impl ClientTarget {
    /// The client of the reference, with a deliberate fault where one is named.
    ///
    /// # Errors
    /// Where there is no fault of that name.
    pub fn reference(fault: Option<&str>) -> Result<Self, BuiltinError> {
        let known = fault.map(builtin_client::fault).transpose()?;
        let mut target = Self::builtin(move || builtin_client::start(known));
        if let Some(fault) = fault {
            target.program.info.name = format!("reference with the fault {fault}");
            target.program.info.argument = format!("--fault {fault}");
        }
        Ok(target)
    }

    /// A driver that is part of this process.
    pub(super) fn builtin(start: impl Fn() -> InProcess + Send + Sync + 'static) -> Self {
        Self {
            program: DriverProgram::builtin(),
            in_process: Some(Box::new(start)),
        }
    }

    /// A driver that this command starts, in the current folder. `command` has at least one word.
    pub fn command(command: Vec<String>) -> Self {
        Self {
            program: DriverProgram::command(command),
            in_process: None,
        }
    }

    /// The client of a manifest, which was named by `argument`; `None` where it has none.
    pub fn manifest(manifest: Manifest, argument: &str) -> Option<Self> {
        let program = DriverProgram::manifest(manifest, argument, |manifest| manifest.client.take())?;
        Some(Self {
            program,
            in_process: None,
        })
    }

    /// What reports call it.
    pub fn info(&self) -> &TargetInfo {
        &self.program.info
    }

    /// What its manifest lists as known failures.
    pub fn known(&self) -> &[KnownEntry] {
        &self.program.known
    }

    /// Whether it is the reference, of which is known what it can do.
    pub fn is_builtin(&self) -> bool {
        self.in_process.is_some()
    }

    /// What may help where it could not be started, as the end of the message of this error; may be empty.
    pub fn hint(&self, error: &DriverError) -> String {
        self.program.hint(error)
    }

    /// Starts it. Every answer must come within `patience`.
    ///
    /// # Errors
    /// Where its driver cannot be run, does not speak the protocol, or drives no client.
    pub async fn start(&self, limits: Limits, patience: Duration) -> Result<ClientInstance, DriverError> {
        let pipe = match (&self.program.launch, &self.in_process) {
            (Some(launch), _) => Pipe::start(launch, limits, patience).await?,
            (None, Some(start)) => Pipe::in_process(start(), limits, patience).await?,
            (None, None) => return Err(no_client("")),
        };
        if pipe.hello.client.is_empty() {
            pipe.reader.stop().await;
            return Err(no_client(&pipe.hello.name));
        }
        Ok(ClientInstance::new(pipe, patience))
    }
}

fn no_client(name: &str) -> DriverError {
    let why = "it has no list `client` that says what the client can do: see docs/driver.md".to_owned();
    rubbish(name, "driver of a client", why)
}
