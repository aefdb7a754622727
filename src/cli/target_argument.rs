//! What the words of the command line mean: the target, then patterns.

use crate::target::FILE_NAME;
use std::path::{Path, PathBuf};

/// The target as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing was named: the reference that is part of siospec.
    Builtin,
    /// A server that runs.
    Url(String),
    /// A manifest, and how it was named.
    Manifest(PathBuf, String),
    /// A command that starts a server.
    Command(Vec<String>),
}

/// Why the words cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgumentError {
    /// A path that should lead to a manifest does not.
    #[error("there is no target at `{0}`: expected a folder with a {FILE_NAME}, or such a file")]
    NoManifest(String),
    /// A host and port without a scheme.
    #[error("`{0}` looks like an address: write http://{0}")]
    NoScheme(String),
    /// A word without a letter in it, as a variable leaves one that is not set.
    #[error("an argument is empty where a target or a pattern was expected: is a variable not set?")]
    Empty,
    /// Two targets.
    #[error("`{target}` and the command after `--` are both targets: name one")]
    Two {
        /// The first.
        target: String,
    },
}

/// Tells the target from the patterns. `command` is what stood after `--`.
pub(super) fn read(words: &[String], command: &[String]) -> Result<(Named, Vec<String>), ArgumentError> {
    if words.iter().any(String::is_empty) {
        return Err(ArgumentError::Empty);
    }
    let target = match words.first() {
        Some(first) => target(first)?,
        None => None,
    };
    match target {
        Some(_) if !command.is_empty() => Err(ArgumentError::Two {
            target: words[0].clone(),
        }),
        Some(target) => Ok((target, words[1..].to_vec())),
        None if command.is_empty() => Ok((Named::Builtin, words.to_vec())),
        None => Ok((Named::Command(command.to_vec()), words.to_vec())),
    }
}

fn target(word: &str) -> Result<Option<Named>, ArgumentError> {
    if is_url(word) {
        return Ok(Some(Named::Url(word.to_owned())));
    }
    let path = Path::new(word);
    if path.join(FILE_NAME).is_file() || (word.ends_with(".toml") && path.is_file()) {
        return Ok(Some(Named::Manifest(
            path.to_owned(),
            word.trim_end_matches('/').to_owned(),
        )));
    }
    let like_a_path = ["targets/", "./", "../", "/", "~"]
        .iter()
        .any(|start| word.starts_with(start));
    if like_a_path || word.ends_with(".toml") {
        return Err(ArgumentError::NoManifest(word.to_owned()));
    }
    if is_address(word) {
        return Err(ArgumentError::NoScheme(word.to_owned()));
    }
    Ok(None)
}

/// Whether a word begins as a URL does. The values in the id of a case may hold one too.
fn is_url(word: &str) -> bool {
    let scheme = word.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

/// `localhost:3000`, `127.0.0.1:80/chat/`.
fn is_address(word: &str) -> bool {
    let Some((host, rest)) = word.split_once(':') else {
        return false;
    };
    let port: String = rest.chars().take_while(|c| *c != '/').collect();
    let host_like = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    host_like && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn read_line(line: &str, command: &str) -> Result<(Named, Vec<String>), String> {
        read(&words(line), &words(command)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_word_may_be_a_target_and_the_rest_are_patterns() {
        assert_eq!(read_line("", ""), Ok((Named::Builtin, vec![])));
        assert_eq!(
            read_line("server/connect/*", ""),
            Ok((Named::Builtin, words("server/connect/*")))
        );
        let url = Named::Url("http://localhost:3000".to_owned());
        assert_eq!(
            read_line("http://localhost:3000 ack", ""),
            Ok((url, words("ack")))
        );
        assert_eq!(
            read_line("ack", "node x"),
            Ok((Named::Command(words("node x")), words("ack")))
        );
    }

    #[test]
    fn a_folder_with_a_manifest_is_a_target() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "").unwrap();
        let path = folder.path().to_str().unwrap();
        let named = Named::Manifest(PathBuf::from(format!("{path}/")), path.to_owned());
        assert_eq!(read_line(&format!("{path}/ x"), ""), Ok((named, words("x"))));
        assert!(read_line(path, "node x").unwrap_err().contains("name one"));
    }

    #[test]
    fn an_empty_word_is_no_pattern_for_everything() {
        for given in [&[""][..], &["", "ack"], &["http://localhost:3000", ""]] {
            let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
            assert!(read(&given, &[]).unwrap_err().to_string().contains("is empty"));
        }
    }

    #[test]
    fn what_looks_like_a_target_and_is_none_is_an_error() {
        for word in ["targets/nope", "./nope", "nope.toml", "/"] {
            assert!(
                read_line(word, "").unwrap_err().contains("no target at"),
                "{word}"
            );
        }
        for word in ["localhost:3000", "127.0.0.1:80/chat/"] {
            assert!(
                read_line(word, "").unwrap_err().contains("write http://"),
                "{word}"
            );
        }
        for pattern in ["server/each[a:80]", "server/each[http://<host>/]"] {
            assert_eq!(read_line(pattern, ""), Ok((Named::Builtin, words(pattern))));
        }
    }
}
