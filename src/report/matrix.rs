//! Several results side by side: what they are called, which verdict is worse, and the counts by area.

use super::text::brief;
use crate::outcome::{CaseResult, RunResult, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name of a result, in characters.
const LABEL: usize = 80;
/// The roles, in the order in which reports show them.
const ROLES: [&str; 3] = ["server", "client", "codec"];

/// The roles that the results have, in the usual order, others after them.
pub(super) fn roles(results: &[RunResult]) -> Vec<&str> {
    let all: BTreeSet<&str> = results.iter().map(|result| result.role.as_str()).collect();
    let usual = ROLES.into_iter().filter(|role| all.contains(role));
    let others = all.iter().copied().filter(|role| !ROLES.contains(role));
    usual.chain(others).collect()
}

/// How many trials are withheld. All results of a role lack the same ones, and no two roles have one in common.
pub(super) fn withheld_trials(results: &[RunResult]) -> usize {
    let mut of_role: BTreeMap<&str, u64> = BTreeMap::new();
    for result in results {
        let most = of_role.entry(&result.role).or_default();
        *most = result.withheld.max(*most);
    }
    let all = of_role.into_values().fold(0, u64::saturating_add);
    usize::try_from(all).unwrap_or(usize::MAX)
}

/// A name for each result, so that no two of a role are the same: with the version, or the time, where names are not enough.
pub(super) fn labels(results: &[RunResult]) -> Vec<String> {
    let forms: [fn(&RunResult) -> String; 3] = [
        |result| result.target.name.clone(),
        |result| format!("{} {}", result.target.name, result.target.version),
        |result| {
            format!(
                "{} {} ({})",
                result.target.name, result.target.version, result.started_at
            )
        },
    ];
    let mut labels: Vec<String> = Vec::new();
    for (index, result) in results.iter().enumerate() {
        let is_own = |form: &&fn(&RunResult) -> String| {
            let same = |other: &&RunResult| other.role == result.role && form(other) == form(result);
            results.iter().filter(same).count() == 1
        };
        let label = forms.iter().find(is_own).map_or_else(
            || format!("{} #{}", result.target.name, index + 1),
            |form| form(result),
        );
        let mut label = brief(label.trim(), LABEL);
        if labels.contains(&label) && (0..index).any(|i| labels[i] == label && results[i].role == result.role)
        {
            label.push_str(&format!(" #{}", index + 1));
        }
        labels.push(label);
    }
    labels
}

/// A name for files about a result, of its target and role: nothing but letters, digits, dots and hyphens.
pub fn file_name(result: &RunResult) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let part = |text: &str| text.chars().take(60).map(plain).collect::<String>();
    let name = format!("{}-{}", part(&result.target.name), part(&result.role));
    name.trim_matches(['.', '-']).replace("..", ".")
}

/// The id of a case without its `each` values.
pub(super) fn base(id: &str) -> &str {
    id.split_once('[').map_or(id, |(base, _)| base)
}

/// How bad a verdict is: the smallest number is the worst news.
pub(super) fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Crashed => 0,
        Verdict::Hung => 1,
        Verdict::Fail => 2,
        Verdict::Broken => 3,
        Verdict::Flaky => 4,
        Verdict::Blocked => 5,
        Verdict::Known => 6,
        Verdict::Lenient => 7,
        Verdict::Pass => 8,
        Verdict::Skip => 9,
    }
}

/// Whether the gate counts it against the target, or against the run.
pub(super) fn is_bad(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Crashed | Verdict::Hung | Verdict::Fail | Verdict::Broken
    )
}

/// How many trials came out in which way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<Verdict, usize>,
    /// How many passed with a transcript that differs from the reference's.
    pub(super) deviations: usize,
}

impl Tally {
    /// The tally of these trials.
    pub(super) fn of<'a>(cases: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut tally = Self::default();
        for case in cases {
            tally.add(case);
        }
        tally
    }

    fn add(&mut self, case: &CaseResult) {
        *self.counts.entry(case.verdict).or_default() += 1;
        self.deviations += usize::from(case.deviation.is_some());
    }

    /// How many came out in this way.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or(0)
    }

    /// How many were played: all but those that were skipped or blocked.
    pub(super) fn played(&self) -> usize {
        self.all() - self.count(Verdict::Skip) - self.count(Verdict::Blocked)
    }

    /// How many there are.
    pub(super) fn all(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many count against the gate.
    pub(super) fn bad(&self) -> usize {
        self.counts
            .iter()
            .filter(|(verdict, _)| is_bad(**verdict))
            .map(|(_, n)| n)
            .sum()
    }

    /// The worst of them; `None` where there are none.
    pub(super) fn worst(&self) -> Option<Verdict> {
        self.counts
            .keys()
            .copied()
            .min_by_key(|verdict| badness(*verdict))
    }

    /// The verdicts there are, the worst first, each with its number.
    pub(super) fn worst_first(&self) -> Vec<(Verdict, usize)> {
        let mut counts: Vec<(Verdict, usize)> =
            self.counts.iter().map(|(verdict, n)| (*verdict, *n)).collect();
        counts.sort_by_key(|(verdict, _)| badness(*verdict));
        counts
    }

    /// All of them in words: `2 fail, 1 lenient, 40 pass`.
    pub(super) fn words(&self) -> String {
        let counts = self.worst_first();
        let words: Vec<String> = counts
            .iter()
            .map(|(verdict, n)| format!("{n} {}", verdict.word()))
            .collect();
        words.join(", ")
    }
}

/// The areas of one role, each with a tally for each result of that role.
#[derive(Debug)]
pub(super) struct Matrix<'a> {
    /// The indices of the results that have the role: the columns.
    pub(super) columns: Vec<usize>,
    /// Area → a tally for each column.
    pub(super) rows: BTreeMap<&'a str, Vec<Tally>>,
    /// A tally of everything for each column.
    pub(super) totals: Vec<Tally>,
}

impl<'a> Matrix<'a> {
    /// The matrix of the results that have this role.
    pub(super) fn of(results: &'a [RunResult], role: &str) -> Self {
        let columns: Vec<usize> = (0..results.len())
            .filter(|index| results[*index].role == role)
            .collect();
        let mut rows: BTreeMap<&str, Vec<Tally>> = BTreeMap::new();
        for (column, index) in columns.iter().enumerate() {
            for case in &results[*index].cases {
                rows.entry(&case.area)
                    .or_insert_with(|| vec![Tally::default(); columns.len()])[column]
                    .add(case);
            }
        }
        let totals = columns
            .iter()
            .map(|index| Tally::of(&results[*index].cases))
            .collect();
        Self {
            columns,
            rows,
            totals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TargetInfo;

    fn result(name: &str, version: &str, started_at: &str) -> RunResult {
        RunResult {
            role: "server".to_owned(),
            target: TargetInfo {
                name: name.to_owned(),
                version: version.to_owned(),
                ..TargetInfo::default()
            },
            started_at: started_at.to_owned(),
            ..RunResult::default()
        }
    }

    #[test]
    fn labels_tell_results_apart() {
        let results = [
            result("a", "1", "x"),
            result("b", "1", "x"),
            result("b", "2", "x"),
        ];
        assert_eq!(labels(&results), ["a", "b 1", "b 2"]);
        let results = [
            result("a", "1", "x"),
            result("a", "1", "y"),
            result("a", "1", "y"),
        ];
        assert_eq!(labels(&results), ["a 1 (x)", "a #2", "a #3"]);
    }

    #[test]
    fn names_that_are_the_same_once_cut_are_still_told_apart() {
        let long = "x".repeat(500);
        let results = [
            result(&format!("{long}1"), "", ""),
            result(&format!("{long}2"), "", ""),
        ];
        let labels = labels(&results);
        assert_ne!(labels[0], labels[1]);
        assert!(labels[1].len() < 200, "{}", labels[1]);
    }

    #[test]
    fn a_server_and_a_client_of_one_name_keep_it() {
        let mut results = [result("a", "1", "x"), result("a", "1", "x")];
        results[1].role = "client".to_owned();
        assert_eq!(labels(&results), ["a", "a"]);
        assert_eq!(roles(&results), ["server", "client"]);
    }

    #[test]
    fn what_is_withheld_is_counted_once_for_each_role() {
        let mut results = [
            result("a", "1", "x"),
            result("b", "1", "x"),
            result("a", "1", "x"),
        ];
        results[2].role = "client".to_owned();
        for (result, withheld) in results.iter_mut().zip([75, 75, 58]) {
            result.withheld = withheld;
        }
        assert_eq!(withheld_trials(&results), 133);
    }

    #[test]
    fn the_worst_verdict_stands_for_an_area() {
        let case = |verdict| CaseResult {
            area: "sio.ack".to_owned(),
            verdict,
            ..CaseResult::default()
        };
        let mut one = result("a", "1", "x");
        one.cases = [Verdict::Pass, Verdict::Skip, Verdict::Lenient, Verdict::Fail]
            .map(case)
            .into();
        let results = [one];
        let matrix = Matrix::of(&results, "server");
        let tally = &matrix.rows["sio.ack"][0];
        assert_eq!(tally.worst(), Some(Verdict::Fail));
        assert_eq!(tally.words(), "1 fail, 1 lenient, 1 pass, 1 skip");
        assert_eq!((tally.played(), tally.all(), tally.bad()), (3, 4, 1));
    }

    #[test]
    fn a_file_name_cannot_leave_its_folder() {
        let result = result("../../etc/Passwd\0", "", "");
        assert_eq!(file_name(&result), "etc-passwd--server");
    }
}
