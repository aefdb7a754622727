//! `siospec install`: makes targets ready to start.

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::target::{Manifest, program_in};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Run the install commands of targets.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// Folders with a target.toml, or such files.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<PathBuf>,
}

pub(super) fn install(arguments: &Install, out: &mut Output) -> Result<Exit, Failure> {
    let manifests: Result<Vec<Manifest>, _> = arguments
        .targets
        .iter()
        .map(|path| Manifest::load(path))
        .collect();
    for manifest in manifests.map_err(Failure::usage)? {
        if manifest.install.is_empty() {
            writeln!(out, "{}: nothing to install", manifest.name)?;
        }
        for words in &manifest.install {
            let line = words.join(" ");
            writeln!(out, "{}: {line}", manifest.name)?;
            out.flush()?;
            let status = Command::new(program_in(&manifest.folder, &words[0]))
                .args(&words[1..])
                .current_dir(&manifest.folder)
                .stdin(Stdio::null())
                .status();
            match status {
                Ok(status) if status.success() => {}
                Ok(status) => {
                    return Err(Failure::target(anyhow::anyhow!(
                        "{}: `{line}` ended with {status}",
                        manifest.name
                    )));
                }
                Err(error) => {
                    return Err(Failure::target(anyhow::anyhow!(
                        "{}: `{line}` cannot be run: {error}",
                        manifest.name
                    )));
                }
            }
        }
    }
    Ok(Exit::Success)
}
