//! The saved result: the interface between a run and everything that reports on it.

use crate::outcome::{RunResult, SCHEMA_VERSION};
use serde::Deserialize;
use std::borrow::Cow;

/// Why a text is no saved result.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It ends in the middle.
    #[error("half a result: it ends in line {line}, in the middle; it was not written to its end")]
    Half {
        /// Where it ends, from 1.
        line: usize,
    },
    /// It has another form.
    #[error("not a result of siospec: {0}")]
    Form(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("the result has the form {found}, this siospec reads {expected}: use the siospec that wrote it")]
    Version {
        /// The form it has.
        found: u32,
        /// The form that is read.
        expected: u32,
    },
}

/// The result as JSON, ending in a line break.
///
/// # Errors
/// Where a number in it is not finite.
pub fn write(result: &RunResult) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(result)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a saved result.
///
/// # Errors
/// Where it is none, or one of another version.
pub fn read(bytes: &[u8]) -> Result<RunResult, JsonError> {
    /// What every form has.
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let bytes = without_lone_surrogates(bytes);
    let version: Version = serde_json::from_slice(&bytes).map_err(why)?;
    if version.schema_version != SCHEMA_VERSION {
        return Err(JsonError::Version {
            found: version.schema_version,
            expected: SCHEMA_VERSION,
        });
    }
    serde_json::from_slice(&bytes).map_err(why)
}

fn why(error: serde_json::Error) -> JsonError {
    if error.is_eof() {
        JsonError::Half { line: error.line() }
    } else {
        JsonError::Form(error)
    }
}

/// Escapes of surrogates that are no pair become U+FFFD. siospec writes none, but whoever edits a result with JavaScript may.
fn without_lone_surrogates(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        at += match (surrogate(&bytes[at..]), bytes.get(at + 6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => {
                mended.get_or_insert_with(|| bytes.to_vec())[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            (None, _) => 2,
        };
    }
    mended.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The surrogate that is escaped at the beginning of `bytes`.
fn surrogate(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{CaseResult, Failure, Verdict};

    #[test]
    fn what_was_written_is_read_back() {
        let failure = Failure {
            came: "\u{0}\u{1b}<script>".to_owned(),
            ..Failure::default()
        };
        let case = CaseResult {
            verdict: Verdict::Crashed,
            failure: Some(failure),
            ..CaseResult::default()
        };
        let result = RunResult {
            schema_version: SCHEMA_VERSION,
            cases: vec![case],
            ..RunResult::default()
        };
        let bytes = write(&result).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!(back.cases[0].failure, result.cases[0].failure);
        assert_eq!(write(&back).unwrap(), bytes);
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_are_not() {
        let mend =
            |text: &str| String::from_utf8(without_lone_surrogates(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(mend(r#""\ud83d\ude00 \u00e9""#), r#""\ud83d\ude00 \u00e9""#);
        assert_eq!(
            mend(r#""\ud83d \ude00\ud83d\ud83d\ude00""#),
            r#""\ufffd \ufffd\ufffd\ud83d\ude00""#
        );
        assert_eq!(mend(r#""\\ud800" "\"\uDC00""#), r#""\\ud800" "\"\ufffd""#);
        for end in 0..12 {
            mend(&r#""\ud83d\ude00"#[..end]);
        }
    }

    #[test]
    fn half_a_result_is_told_as_that() {
        let result = RunResult {
            schema_version: SCHEMA_VERSION,
            ..RunResult::default()
        };
        let bytes = write(&result).unwrap();
        for end in [0, 1, bytes.len() / 2, bytes.len() - 3] {
            let error = read(&bytes[..end]).unwrap_err();
            assert!(matches!(error, JsonError::Half { .. }), "{end}: {error}");
        }
    }

    #[test]
    fn another_version_is_told_whatever_else_it_holds() {
        let error = read(br#"{"schema_version": 9, "role": 7}"#).unwrap_err();
        assert!(error.to_string().contains("has the form 9"), "{error}");
    }

    #[test]
    fn another_form_is_refused() {
        let result = RunResult {
            schema_version: SCHEMA_VERSION + 1,
            ..RunResult::default()
        };
        assert!(
            read(&write(&result).unwrap())
                .unwrap_err()
                .to_string()
                .contains("has the form 2")
        );
        assert!(read(b"{}").unwrap_err().to_string().contains("missing field"));
    }
}
