//! The folder of a campaign's findings: tables of vectors that fail on replay, written as soon as they are found.

use super::exit::Failure;
use super::selecting::load;
use crate::campaign::Finding;
use crate::suite::Codec;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Tables of vectors in a folder, which may have some of an earlier campaign.
#[derive(Debug)]
pub(super) struct Findings {
    folder: PathBuf,
    /// The ids of the vectors that it has.
    ids: BTreeSet<String>,
    failed: Option<io::Error>,
}

impl Findings {
    /// Looks at what the folder has already; it need not exist.
    ///
    /// # Errors
    /// Where something in it cannot be read, or is no vector.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let mut ids = BTreeSet::new();
        if folder.exists() {
            ids.extend(load(Some(folder))?.vectors.iter().map(|vector| vector.id.clone()));
        }
        Ok(Self {
            folder: folder.to_owned(),
            ids,
            failed: None,
        })
    }

    /// Writes the vector of a finding, unless the folder has one of its class. The first failure is kept.
    pub(super) fn add(&mut self, finding: &Finding) {
        let id = format!("codec/{}/{}", finding.codec.word(), finding.vector_id);
        let Some(vector) = finding.vector.as_ref().filter(|_| self.failed.is_none()) else {
            return;
        };
        if self.ids.insert(id)
            && let Err(error) = self.append(finding.codec, vector)
        {
            self.failed = Some(error);
        }
    }

    fn append(&self, codec: Codec, vector: &str) -> io::Result<()> {
        let path = self.folder.join("codec").join(format!("{}.toml", codec.word()));
        std::fs::create_dir_all(self.folder.join("codec"))?;
        let is_new = !path.exists();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        let head = if is_new {
            format!("codec = \"{}\"\n", codec.word())
        } else {
            String::new()
        };
        file.write_all(format!("{head}\n{vector}").as_bytes())
    }

    /// Says whether all could be written.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn close(self) -> Result<(), Failure> {
        let words = format!("the findings cannot be written to {}", self.folder.display());
        self.failed.map_or(Ok(()), |error| {
            Err(anyhow::Error::new(error).context(words).into())
        })
    }
}
