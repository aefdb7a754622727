//! The saved result: the interface between a run and everything that reports on it.

use crate::outcome::{RunResult, SCHEMA_VERSION};

/// Why a text is no saved result.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
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
    let result: RunResult = serde_json::from_slice(bytes)?;
    if result.schema_version != SCHEMA_VERSION {
        return Err(JsonError::Version {
            found: result.schema_version,
            expected: SCHEMA_VERSION,
        });
    }
    Ok(result)
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
