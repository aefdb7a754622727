//! The results of the parts of one run, put together again.

use super::withhold::totals;
use crate::outcome::{Counted, Gate, NOTHING_RAN, RunResult};
use std::collections::{BTreeMap, BTreeSet};

/// Why results are not the parts of one run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("nothing to merge: expected the results of all parts of a run")]
    Nothing,
    /// Two of them are not of the same run.
    #[error("the results differ in their {what}, `{one}` and `{other}`: expected parts of one run")]
    Differ {
        /// In what.
        what: &'static str,
        /// The first one's.
        one: String,
        /// The other one's.
        other: String,
    },
    /// One of them is not a part.
    #[error("a result is not of a part: expected each to be made with --partition")]
    NoPart,
    /// The name of a part is not understood.
    #[error("the part `{0}` is not understood: expected one such as hash:1/4")]
    Part(String),
    /// A part is there twice.
    #[error("the part {0} is there twice")]
    Twice(String),
    /// Parts are missing.
    #[error("not all parts are there: {0} missing")]
    Missing(String),
    /// Two parts have the same trial.
    #[error("two parts have the trial {0}: they are not of one run")]
    Overlap(String),
}

/// Puts the parts together; the order in which they are given does not matter.
///
/// The time it took is the sum of all parts'. The reasons of the gates are put together, and what they count is added up.
///
/// # Errors
/// Where they are not exactly the parts of one run.
pub fn merge(mut parts: Vec<RunResult>) -> Result<RunResult, MergeError> {
    if parts.is_empty() {
        return Err(MergeError::Nothing);
    }
    let mut numbered = Vec::new();
    for part in parts.drain(..) {
        numbered.push((number(&part)?, part));
    }
    numbered.sort_by(|a, b| a.0.cmp(&b.0));
    check_numbers(&numbered)?;
    let mut parts = numbered.into_iter().map(|(_, part)| part);
    let mut merged = parts.next().ok_or(MergeError::Nothing)?;
    for part in parts {
        check_same(&merged, &part)?;
        merged.wall_ms += part.wall_ms;
        merged.interrupted |= part.interrupted;
        merged.withheld += part.withheld;
        merged.started_at = merged.started_at.min(part.started_at);
        for (need, able) in part.capabilities {
            merged
                .capabilities
                .entry(need)
                .and_modify(|all| *all &= able)
                .or_insert(able);
        }
        merged.gate_reasons.extend(part.gate_reasons);
        merged.cases.extend(part.cases);
    }
    merged
        .cases
        .sort_by(|a, b| (&a.id, &a.over, &a.variant).cmp(&(&b.id, &b.over, &b.variant)));
    let same = |pair: &&[crate::outcome::CaseResult]| {
        (&pair[0].id, &pair[0].over, &pair[0].variant) == (&pair[1].id, &pair[1].over, &pair[1].variant)
    };
    if let Some(pair) = merged.cases.windows(2).find(same) {
        return Err(MergeError::Overlap(format!(
            "{} over {}",
            pair[0].id, pair[0].over
        )));
    }
    merged.totals = totals(&merged.cases);
    merged.gate_reasons = reasons(&merged);
    merged.gate = if merged.gate_reasons.is_empty() {
        Gate::Pass
    } else {
        Gate::Fail
    };
    merged.partition = None;
    Ok(merged)
}

/// The reasons of all parts as one run would have told them.
fn reasons(merged: &RunResult) -> Vec<String> {
    let mut counts: BTreeMap<Counted, usize> = BTreeMap::new();
    let mut others: Vec<String> = Vec::new();
    for reason in &merged.gate_reasons {
        match Counted::read(reason) {
            Some((what, n)) => *counts.entry(what).or_default() += n,
            None if reason == NOTHING_RAN && merged.cases.iter().any(|case| case.verdict.ran()) => {}
            None if others.contains(reason) => {}
            None => others.push(reason.clone()),
        }
    }
    let counted = counts.into_iter().filter_map(|(what, n)| what.say(n));
    counted.chain(others).collect()
}

/// How the cases were divided, into how many, and which part this is.
type Number = (String, u32, u32);

fn number(part: &RunResult) -> Result<Number, MergeError> {
    let name = part.partition.as_deref().ok_or(MergeError::NoPart)?;
    let parsed = name.rsplit_once(':').and_then(|(how, which)| {
        let (index, of) = which.split_once('/')?;
        let (index, of): (u32, u32) = (index.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&index).then(|| (how.to_owned(), of, index))
    });
    parsed
        .filter(|(_, of, _)| *of <= 10_000)
        .ok_or_else(|| MergeError::Part(name.to_owned()))
}

fn check_numbers(parts: &[(Number, RunResult)]) -> Result<(), MergeError> {
    let Some(((how, of, _), _)) = parts.first() else {
        return Err(MergeError::Nothing);
    };
    let mut seen = BTreeSet::new();
    for ((other_how, other_of, index), _) in parts {
        if (other_how, other_of) != (how, of) {
            return Err(MergeError::Differ {
                what: "number of parts",
                one: format!("{how}:?/{of}"),
                other: format!("{other_how}:?/{other_of}"),
            });
        }
        if !seen.insert(*index) {
            return Err(MergeError::Twice(format!("{how}:{index}/{of}")));
        }
    }
    let missing: Vec<String> = (1..=*of)
        .filter(|index| !seen.contains(index))
        .take(20)
        .map(|index| format!("{how}:{index}/{of}"))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(MergeError::Missing(format!("{one} is"))),
        many => Err(MergeError::Missing(format!("{} are", many.join(", ")))),
    }
}

fn check_same(one: &RunResult, other: &RunResult) -> Result<(), MergeError> {
    let differ = |what, one: &str, other: &str| {
        if one == other {
            return Ok(());
        }
        Err(MergeError::Differ {
            what,
            one: one.to_owned(),
            other: other.to_owned(),
        })
    };
    differ("role", &one.role, &other.role)?;
    differ("target", &one.target.name, &other.target.name)?;
    differ(
        "version of the target",
        &one.target.version,
        &other.target.version,
    )?;
    differ("version of siospec", &one.siospec_version, &other.siospec_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{CaseResult, Verdict};

    fn part(partition: &str, ids: &[&str]) -> RunResult {
        let case = |id: &&str| CaseResult {
            id: (*id).to_owned(),
            verdict: Verdict::Pass,
            ..CaseResult::default()
        };
        RunResult {
            partition: Some(partition.to_owned()),
            cases: ids.iter().map(case).collect(),
            gate: Gate::Pass,
            wall_ms: 10.0,
            started_at: format!("2026-01-0{}T00:00:00Z", partition.len() % 9),
            ..RunResult::default()
        }
    }

    #[test]
    fn parts_make_a_whole_in_any_order() {
        let with_reasons = |mut part: RunResult, reasons: &[&str]| {
            part.gate = Gate::Fail;
            part.gate_reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
            part
        };
        let merged = merge(vec![
            with_reasons(
                part("hash:3/3", &["a"]),
                &["1 trial failed", "x passes: take `x` off the list"],
            ),
            with_reasons(part("hash:1/3", &["c"]), &["no case ran"]),
            with_reasons(
                part("hash:2/3", &["b", "d"]),
                &["1 trial failed", "2 trials are lenient (--strict)"],
            ),
        ])
        .unwrap();
        let ids: Vec<&str> = merged.cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c", "d"]);
        assert_eq!(merged.totals["pass"], 4);
        assert_eq!(
            (merged.partition, merged.gate, merged.wall_ms),
            (None, Gate::Fail, 30.0)
        );
        assert_eq!(
            merged.gate_reasons,
            [
                "2 trials failed",
                "2 trials are lenient (--strict)",
                "x passes: take `x` off the list"
            ]
        );
    }

    #[test]
    fn a_part_in_which_nothing_ran_does_not_break_the_gate() {
        let mut empty = part("hash:1/2", &[]);
        empty.gate = Gate::Fail;
        empty.gate_reasons = vec![NOTHING_RAN.to_owned()];
        let merged = merge(vec![empty.clone(), part("hash:2/2", &["a"])]).unwrap();
        assert_eq!((merged.gate, merged.gate_reasons), (Gate::Pass, vec![]));
        let mut other = empty.clone();
        other.partition = Some("hash:2/2".to_owned());
        let merged = merge(vec![empty, other]).unwrap();
        assert_eq!(merged.gate_reasons, [NOTHING_RAN]);
    }

    #[test]
    fn what_is_not_one_run_is_refused() {
        let fails = |parts: Vec<RunResult>, says: &str| {
            let error = merge(parts).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        fails(vec![], "nothing to merge");
        fails(vec![RunResult::default()], "not of a part");
        fails(vec![part("half", &[])], "`half` is not understood");
        fails(vec![part("hash:5/4", &[])], "is not understood");
        fails(
            vec![part("hash:1/2", &[]), part("hash:1/2", &[])],
            "hash:1/2 is there twice",
        );
        fails(
            vec![part("hash:1/2", &[]), part("hash:2/3", &[])],
            "number of parts",
        );
        fails(
            vec![part("hash:2/4", &[]), part("hash:3/4", &[])],
            "hash:1/4, hash:4/4 are missing",
        );
        fails(
            vec![part("hash:1/2", &["a"]), part("hash:2/2", &["a"])],
            "two parts have the trial a",
        );
        let mut other = part("hash:2/2", &[]);
        other.target.name = "another".to_owned();
        fails(vec![part("hash:1/2", &[]), other], "differ in their target");
    }
}
