//! Trials of one case that went wrong in the same way, and the line of its script that is to blame.

use super::matrix::{badness, base};
use super::text::brief;
use crate::outcome::{CaseResult, Failure, RunResult, Verdict};
use std::collections::BTreeMap;

/// Puts trials of one case that went wrong in the same way together, in the order of their ids.
pub(super) fn groups<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Vec<Vec<&'a CaseResult>> {
    let mut groups: BTreeMap<(&str, &str, Verdict, u32), Vec<&CaseResult>> = BTreeMap::new();
    for case in cases {
        let line = case.failure.as_ref().map_or(0, |failure| failure.line);
        let key = (base(&case.id), case.variant.as_str(), case.verdict, line);
        groups.entry(key).or_default().push(case);
    }
    groups.into_values().collect()
}

/// The same, the worst news first.
pub(super) fn worst_first<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Vec<Vec<&'a CaseResult>> {
    let mut groups = groups(cases);
    groups.sort_by_key(|trials| trials.first().map_or(u8::MAX, |first| badness(first.verdict)));
    groups
}

/// The index of the blamed line. The script may have been saved without its header: then the text decides.
pub(super) fn blamed_line(lines: &[&str], failure: &Failure) -> Option<usize> {
    let is_it = |line: &&str| line.trim() == failure.script_line.trim();
    let numbered = (failure.line as usize).checked_sub(1)?;
    if lines.get(numbered).is_some_and(is_it) {
        return Some(numbered);
    }
    lines.iter().position(is_it)
}

/// Why trials were skipped or blocked, and how many; the most frequent reason first.
pub(super) fn not_played(result: &RunResult) -> Vec<(Verdict, &str, usize)> {
    let mut reasons: BTreeMap<(Verdict, &str), usize> = BTreeMap::new();
    for case in result.cases.iter().filter(|case| !case.verdict.ran()) {
        *reasons.entry((case.verdict, &case.message)).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons
        .into_iter()
        .map(|((verdict, why), n)| (verdict, why, n))
        .collect();
    reasons.sort_by_key(|(_, _, n)| std::cmp::Reverse(*n));
    reasons
}

/// A trial in one line: its id, its transport, its variant.
pub(super) fn named(case: &CaseResult) -> String {
    let variant = if case.variant.is_empty() {
        String::new()
    } else {
        format!(", {}", brief(&case.variant, 40))
    };
    format!("{} ({}{variant})", brief(&case.id, 200), brief(&case.over, 40))
}

/// What came, in words: of the failure, or of whatever else ended the trial.
pub(super) fn came(case: &CaseResult) -> &str {
    case.failure
        .as_ref()
        .map_or(&case.message, |failure| &failure.came)
}
