//! Report files: proved to be writable before the run, written aside, then put in their place.

use anyhow::Context as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A report that is going to be written. Dropped before that, it leaves no trace.
#[derive(Debug)]
pub(super) struct ReportFile {
    path: PathBuf,
    /// Where it is written at first; a pipe or a device is written to directly.
    aside: Option<PathBuf>,
    file: File,
}

impl ReportFile {
    /// Opens a file beside `path`, so that a path that cannot be written is known at once.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path
            .file_name()
            .with_context(|| format!("`{}` names no file for a report", path.display()))?;
        anyhow::ensure!(
            !path.is_dir(),
            "`{}` is a folder: expected a file for the report",
            path.display()
        );
        let cannot = || format!("a report cannot be written to {}", path.display());
        if path.metadata().is_ok_and(|about| !about.is_file()) {
            return Ok(Self {
                path: path.to_owned(),
                aside: None,
                file: File::options().write(true).open(path).with_context(cannot)?,
            });
        }
        let aside = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        // What is there under this name, as of a process that was killed, is not written through: it may be somebody's link.
        let _ = fs::remove_file(&aside);
        let file = File::options().write(true).create_new(true).open(&aside);
        Ok(Self {
            path: path.to_owned(),
            file: file.with_context(cannot)?,
            aside: Some(aside),
        })
    }

    /// Writes the report and puts it in its place.
    pub(super) fn write(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(bytes);
        let placed = match &self.aside {
            Some(aside) => written
                .and_then(|()| self.file.sync_all())
                .and_then(|()| fs::rename(aside, &self.path)),
            None => written,
        };
        placed.with_context(|| format!("the report {} cannot be written", self.path.display()))
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        // After a successful write there is nothing left to remove.
        let _ = self.aside.as_ref().map(fs::remove_file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        fs::write(&path, "old").unwrap();
        let report = ReportFile::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        report.write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        drop(ReportFile::open(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_waits_where_the_report_is_written_aside_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("result.json"));
        fs::write(&victim, "theirs").unwrap();
        let aside = folder
            .path()
            .join(format!(".result.json.{}.part", std::process::id()));
        std::os::unix::fs::symlink(&victim, aside).unwrap();
        ReportFile::open(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ReportFile::open(folder.path()).is_err());
        assert!(ReportFile::open(&folder.path().join("no/such/folder.json")).is_err());
    }
}
