//! Two runs compared: what fails now, what is fixed, what became flaky, where transcripts changed.

mod show;

pub use show::{markdown, text};

use super::matrix::is_bad;
use crate::outcome::{CaseResult, RunResult, Verdict};
use std::collections::BTreeMap;

/// Why two results are not compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// There are not two.
    #[error("expected two results, the old one and the new one, but came {0}")]
    Number(usize),
    /// They are of different roles, which play different cases.
    #[error("the results are of a {old} and of a {new}: expected two of one role")]
    Roles {
        /// The role of the old one.
        old: String,
        /// The role of the new one.
        new: String,
    },
}

/// What differs between an old and a new run. A trial is in one list only.
#[derive(Debug)]
pub struct Diff<'a> {
    old: &'a RunResult,
    new: &'a RunResult,
    /// Failing now, and not before, or not there before.
    pub newly_failing: Vec<Change<'a>>,
    /// Failing before, and a pass or lenient now.
    pub fixed: Vec<Change<'a>>,
    /// Flaky now, and not before.
    pub newly_flaky: Vec<Change<'a>>,
    /// The transcript differs from the reference's in another way than before, or does no longer.
    pub changed_deviations: Vec<Change<'a>>,
    /// Another verdict, and none of these.
    pub otherwise: Vec<Change<'a>>,
    /// New trials that do not fail, and trials that are no longer there.
    pub added: Vec<Change<'a>>,
    /// Trials that are no longer there.
    pub removed: Vec<Change<'a>>,
}

/// A trial, then and now. One of the two is there.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Then.
    pub old: Option<&'a CaseResult>,
    /// Now.
    pub new: Option<&'a CaseResult>,
}

impl<'a> Diff<'a> {
    /// Compares two runs, the old one first; they may be of different targets.
    ///
    /// # Errors
    /// Where they are not two, or of different roles.
    pub fn of(results: &'a [RunResult]) -> Result<Self, DiffError> {
        let [old, new] = results else {
            return Err(DiffError::Number(results.len()));
        };
        if old.role != new.role {
            return Err(DiffError::Roles {
                old: old.role.clone(),
                new: new.role.clone(),
            });
        }
        let mut trials: BTreeMap<Key<'_>, Change<'a>> = BTreeMap::new();
        let none = Change { old: None, new: None };
        for case in &old.cases {
            trials.entry(key(case)).or_insert(none).old = Some(case);
        }
        for case in &new.cases {
            trials.entry(key(case)).or_insert(none).new = Some(case);
        }
        let mut diff = Self {
            old,
            new,
            newly_failing: Vec::new(),
            fixed: Vec::new(),
            newly_flaky: Vec::new(),
            changed_deviations: Vec::new(),
            otherwise: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
        };
        for change in trials.into_values() {
            if let Some(list) = diff.list_of(&change) {
                list.push(change);
            }
        }
        Ok(diff)
    }

    /// Whether something fails that did not.
    pub fn is_worse(&self) -> bool {
        !self.newly_failing.is_empty()
    }

    fn list_of(&mut self, change: &Change<'_>) -> Option<&mut Vec<Change<'a>>> {
        let (then, now) = (
            change.old.map(|case| case.verdict),
            change.new.map(|case| case.verdict),
        );
        let deviation = |case: Option<&CaseResult>| case.and_then(|case| case.deviation.clone());
        match (then, now) {
            (_, Some(now)) if is_bad(now) && !then.is_some_and(is_bad) => Some(&mut self.newly_failing),
            (_, Some(Verdict::Flaky)) if then != Some(Verdict::Flaky) => Some(&mut self.newly_flaky),
            (Some(then), Some(Verdict::Pass | Verdict::Lenient)) if was_failing(then) => {
                Some(&mut self.fixed)
            }
            (Some(then), Some(now)) if then != now => Some(&mut self.otherwise),
            (Some(_), Some(_)) if deviation(change.old) != deviation(change.new) => {
                Some(&mut self.changed_deviations)
            }
            (None, Some(_)) => Some(&mut self.added),
            (Some(_), None) => Some(&mut self.removed),
            _ => None,
        }
    }
}

fn was_failing(verdict: Verdict) -> bool {
    is_bad(verdict) || matches!(verdict, Verdict::Known | Verdict::Flaky)
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key(case: &CaseResult) -> Key<'_> {
    (&case.id, &case.over, &case.variant)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn result(cases: &[(&str, Verdict, Option<&str>)]) -> RunResult {
        let case = |(id, verdict, deviation): &(&str, Verdict, Option<&str>)| CaseResult {
            id: (*id).to_owned(),
            over: "polling".to_owned(),
            verdict: *verdict,
            deviation: deviation.map(str::to_owned),
            ..CaseResult::default()
        };
        RunResult {
            cases: cases.iter().map(case).collect(),
            ..RunResult::default()
        }
    }

    fn ids(changes: &[Change<'_>]) -> Vec<String> {
        changes
            .iter()
            .map(|change| change.new.or(change.old).unwrap().id.clone())
            .collect()
    }

    #[test]
    fn each_change_is_in_its_list_and_in_one_only() {
        use Verdict::{Crashed, Fail, Flaky, Known, Lenient, Pass, Skip};
        let old = result(&[
            ("a", Pass, None),
            ("b", Fail, None),
            ("c", Pass, None),
            ("d", Pass, Some("+ x")),
            ("e", Pass, None),
            ("f", Pass, None),
            ("h", Known, None),
            ("i", Fail, None),
            ("j", Pass, Some("+ x")),
        ]);
        let new = result(&[
            ("a", Crashed, None),
            ("b", Pass, None),
            ("c", Flaky, None),
            ("d", Pass, Some("+ y")),
            ("e", Skip, None),
            ("g", Fail, None),
            ("h", Lenient, None),
            ("i", Fail, None),
            ("j", Pass, Some("+ x")),
            ("k", Pass, None),
        ]);
        let results = [old, new];
        let diff = Diff::of(&results).unwrap();
        assert_eq!(ids(&diff.newly_failing), ["a", "g"]);
        assert_eq!(ids(&diff.fixed), ["b", "h"]);
        assert_eq!(ids(&diff.newly_flaky), ["c"]);
        assert_eq!(ids(&diff.changed_deviations), ["d"]);
        assert_eq!(ids(&diff.otherwise), ["e"]);
        assert_eq!(ids(&diff.added), ["k"]);
        assert_eq!(ids(&diff.removed), ["f"]);
        assert!(diff.is_worse());
        let [_, new] = results;
        assert!(!Diff::of(&[new.clone(), new]).unwrap().is_worse());
    }

    #[test]
    fn roles_are_not_compared_with_each_other() {
        let mut other = result(&[]);
        other.role = "client".to_owned();
        assert!(Diff::of(&[result(&[]), other]).is_err());
    }
}
