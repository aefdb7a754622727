//! Who is tested: what was named, with its manifest read once, as the target of a role.

use super::arguments::Playing;
use crate::cli::exit::Failure;
use crate::cli::target_argument::Named;
use crate::notation::Role;
use crate::target::{ClientTarget, CodecTarget, Manifest, Target, faults as server_faults};

/// What was named.
pub(in crate::cli) enum Subject {
    /// The reference that is part of siospec.
    Builtin,
    /// A server that runs.
    Url(String),
    /// A command that starts a server or a driver.
    Command(Vec<String>),
    /// A manifest, and how it was named.
    Manifest(Box<Manifest>, String),
}

impl Subject {
    /// Reads the manifest, if one was named.
    ///
    /// # Errors
    /// Where it cannot be read, or is wrong.
    pub(in crate::cli) fn read(named: Named) -> Result<Self, Failure> {
        Ok(match named {
            Named::Builtin => Self::Builtin,
            Named::Url(url) => Self::Url(url),
            Named::Command(command) => Self::Command(command),
            Named::Manifest(path, argument) => {
                let manifest = Manifest::load(&path).map_err(Failure::usage)?;
                Self::Manifest(Box::new(manifest), argument)
            }
        })
    }

    /// Whom to test where nobody says: what a manifest has, and of the reference what the fault or nothing else decides.
    pub(super) fn role(&self, fault: Option<&str>) -> Result<Option<Role>, Failure> {
        Ok(match self {
            Self::Builtin => match fault {
                // A name that both have means the server's.
                Some(fault) if server_faults().any(|known| known.name == fault) => Some(Role::Server),
                Some(_) => Some(Role::Client),
                None => None,
            },
            Self::Url(_) | Self::Command(_) => Some(Role::Server),
            Self::Manifest(manifest, argument) => {
                Some(match (&manifest.server, &manifest.client, &manifest.codec) {
                    (Some(_), ..) => Role::Server,
                    (None, Some(_), _) => Role::Client,
                    (None, None, Some(_)) => Role::Codec,
                    (None, None, None) => {
                        return Err(usage(format!("{argument} has no [server], [client] or [codec]")));
                    }
                })
            }
        })
    }

    /// As a server.
    pub(super) fn server(&self, playing: &Playing) -> Result<Target, Failure> {
        self.check_fault(playing)?;
        let target = match self {
            Self::Builtin => Target::builtin(playing.fault.as_deref()).map_err(Failure::usage)?,
            Self::Url(url) => Target::url(url, playing.insecure).map_err(Failure::usage)?,
            Self::Command(command) => Target::command(command.clone()),
            Self::Manifest(manifest, argument) => {
                let no_server = || usage(format!("{argument} has no [server]"));
                Target::manifest((**manifest).clone(), argument).ok_or_else(no_server)?
            }
        };
        Ok(target
            .with_limits(playing.limits())
            .with_connect_timeout(playing.connect_timeout))
    }

    /// As a client.
    pub(super) fn client(&self, playing: &Playing) -> Result<Target, Failure> {
        self.check_fault(playing)?;
        let client = match self {
            Self::Builtin => ClientTarget::reference(playing.fault.as_deref()).map_err(Failure::usage)?,
            Self::Command(command) => ClientTarget::command(command.clone()),
            Self::Url(url) => return Err(no_url(url, "client")),
            Self::Manifest(manifest, argument) => {
                let no_client = || usage(format!("{argument} has no [client]"));
                ClientTarget::manifest((**manifest).clone(), argument).ok_or_else(no_client)?
            }
        };
        Ok(Target::client(client)
            .with_limits(playing.limits())
            .with_patience(playing.timeout))
    }

    /// As a codec.
    ///
    /// # Errors
    /// Where it is none.
    pub(in crate::cli) fn codec(&self) -> Result<CodecTarget, Failure> {
        Ok(match self {
            Self::Builtin => CodecTarget::builtin(),
            Self::Command(command) => CodecTarget::command(command.clone()),
            Self::Url(url) => return Err(no_url(url, "codec")),
            Self::Manifest(manifest, argument) => {
                let no_codec = || usage(format!("{argument} has no [codec]"));
                CodecTarget::manifest((**manifest).clone(), argument).ok_or_else(no_codec)?
            }
        })
    }

    /// As a codec of which vectors are asked.
    pub(super) fn vectors(&self, playing: &Playing) -> Result<CodecTarget, Failure> {
        if playing.fault.is_some() {
            return Err(usage(
                "--fault is for the built-in server: leave it out".to_owned(),
            ));
        }
        Ok(self.codec()?.with_limits(playing.limits(), playing.timeout))
    }

    fn check_fault(&self, playing: &Playing) -> Result<(), Failure> {
        if playing.fault.is_some() && !matches!(self, Self::Builtin) {
            let message = "--fault is for the built-in reference: leave the target out";
            return Err(usage(message.to_owned()));
        }
        Ok(())
    }
}

fn no_url(url: &str, role: &str) -> Failure {
    usage(format!(
        "{url} is no {role}: expected a folder with a target.toml, or a command that starts a driver"
    ))
}

fn usage(message: String) -> Failure {
    Failure::usage(anyhow::Error::msg(message))
}
