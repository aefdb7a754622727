//! Which program drives a library, and what is known of it before it runs.

use super::super::launch::Launch;
use super::super::manifest::{FuzzEntry, KnownEntry, Manifest, Program};
use super::super::named::quoted;
use super::error::DriverError;
use crate::outcome::TargetInfo;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A driver as a target: the part of siospec itself, or a program.
#[derive(Clone, Debug)]
pub(in crate::target) struct DriverProgram {
    /// What reports call it.
    pub(in crate::target) info: TargetInfo,
    /// What its manifest lists as known failures.
    pub(in crate::target) known: Vec<KnownEntry>,
    /// What its manifest lists as known findings of campaigns.
    pub(in crate::target) fuzz: Vec<FuzzEntry>,
    /// What to start; `None` for the reference.
    pub(in crate::target) launch: Option<Launch>,
    installs: bool,
}

impl DriverProgram {
    /// The reference.
    pub(in crate::target) fn builtin() -> Self {
        let info = TargetInfo {
            name: "reference".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: "Rust".to_owned(),
            ..TargetInfo::default()
        };
        Self {
            info,
            known: Vec::new(),
            fuzz: Vec::new(),
            launch: None,
            installs: false,
        }
    }

    /// A command, started in the current folder, of at least one word.
    pub(in crate::target) fn command(command: Vec<String>) -> Self {
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        let info = TargetInfo {
            name: command.first().cloned().unwrap_or_default(),
            argument: format!("-- {}", words.join(" ")),
            ..TargetInfo::default()
        };
        let launch = Launch {
            command,
            folder: PathBuf::from("."),
            env: BTreeMap::new(),
            path: String::new(),
        };
        Self {
            info,
            known: Vec::new(),
            fuzz: Vec::new(),
            launch: Some(launch),
            installs: false,
        }
    }

    /// The program of a manifest, which was named by `argument`, that `role` picks; `None` where it has none.
    pub(in crate::target) fn manifest(
        mut manifest: Manifest,
        argument: &str,
        role: impl FnOnce(&mut Manifest) -> Option<Program>,
    ) -> Option<Self> {
        let program = role(&mut manifest)?;
        let info = TargetInfo {
            name: manifest.name,
            version: manifest.version,
            language: manifest.language,
            homepage: manifest.homepage,
            argument: quoted(argument),
        };
        let launch = Launch {
            command: program.command,
            folder: manifest.folder,
            env: program.env,
            path: String::new(),
        };
        Some(Self {
            info,
            known: manifest.known,
            fuzz: manifest.fuzz,
            launch: Some(launch),
            installs: !manifest.install.is_empty(),
        })
    }

    /// What may help against this error, as the end of its message; may be empty.
    pub(in crate::target) fn hint(&self, error: &DriverError) -> String {
        if self.installs && error.is_missing() {
            format!("\nis it installed? try: siospec install {}", self.info.argument)
        } else {
            String::new()
        }
    }
}
