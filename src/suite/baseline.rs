//! What the reference's transcript of a trial looks like: the snapshots that lie beside the cases.
//!
//! A trial has the same snapshot over every transport. Who writes them is `tests/conformance.rs`.

use super::expand::Trial;
use super::load::builtin_file;
use std::collections::BTreeMap;

/// The longest part of a file name that stands for `each` values, in characters.
const LONGEST: usize = 40;

/// The name of a trial's snapshot: the path of its case below `cases/`, without an ending, and what tells its `each`
/// values from others.
pub fn snapshot_name(trial: &Trial) -> String {
    let case = &trial.loaded.id;
    match trial.id.strip_prefix(case.as_str()) {
        Some(values) if !values.is_empty() => format!("{case}@{}", slug(values)),
        _ => case.clone(),
    }
}

/// The normalised transcripts of the reference that are built in, by trial id and transport.
pub fn baselines<'t>(trials: impl IntoIterator<Item = &'t Trial>) -> BTreeMap<(String, String), Vec<String>> {
    trials
        .into_iter()
        .filter_map(|trial| {
            let text = builtin_file(&format!("{}.snap", snapshot_name(trial)))?;
            let key = (trial.id.clone(), trial.over_word().to_owned());
            Some((key, lines_of(text)))
        })
        .collect()
}

/// The lines of a snapshot file, without the header that insta writes.
fn lines_of(text: &str) -> Vec<String> {
    let body = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .map_or(text, |(_, body)| body);
    body.lines().map(str::to_owned).collect()
}

/// Values as part of a file name: what is plain as it is, the rest told apart by a checksum.
fn slug(values: &str) -> String {
    let inner = values.trim_start_matches('[').trim_end_matches(']');
    let plain: String = inner
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(LONGEST)
        .collect();
    let plain = plain.trim_matches('-');
    let sum = values.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{plain}~{:06x}", sum & 0xff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_without_its_header() {
        let text = "---\nsource: tests/conformance.rs\n---\n> 40\n< 40{\"sid\":\"<sid>\"}\n";
        assert_eq!(lines_of(text), ["> 40", "< 40{\"sid\":\"<sid>\"}"]);
    }

    #[test]
    fn values_that_look_alike_in_a_file_name_are_told_apart() {
        assert_ne!(slug("[a/b]"), slug("[a-b]"));
        assert!(slug("[?EIO=4&transport=abc]").starts_with("EIO-4-transport-abc~"));
    }
}
