//! Known failures: which trials they excuse, and whether the list is still true.

use crate::outcome::{CaseResult, KnownInfo, RunResult, Verdict};
use crate::target::KnownEntry;
use std::collections::BTreeMap;

/// A list of known failures as text.
#[derive(Clone, Debug)]
pub struct KnownList {
    /// How many entries it has.
    pub entries: usize,
    /// `[[known]]` tables.
    pub text: String,
}

/// What this run failed, as a list of known failures: an entry for each trial, or one for all transports and values of a
/// case where they fail in the same way. Lenient trials count where `strict` says so. What somebody wrote about an entry of an
/// `earlier` list is kept where the entry is still the same.
pub fn known_list(result: &RunResult, strict: bool, earlier: &[KnownEntry]) -> KnownList {
    let fails = |case: &&CaseResult| match case.verdict {
        Verdict::Fail | Verdict::Crashed | Verdict::Hung => true,
        Verdict::Lenient => strict,
        _ => false,
    };
    let mut of_case: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for case in &result.cases {
        of_case.entry(base(&case.id)).or_default().push(case);
    }
    let mut entries = Vec::new();
    for (id, trials) in of_case {
        let failing: Vec<&CaseResult> = trials.iter().copied().filter(fails).collect();
        let played = trials
            .iter()
            .filter(|trial| trial.verdict != Verdict::Skip)
            .count();
        let stable = failing.first().map_or("", |first| stable(&first.message));
        if failing.len() == played && failing.iter().all(|trial| trial.message.contains(stable)) {
            let ends = failing.iter().any(|trial| ends(trial));
            entries.extend(
                failing
                    .first()
                    .map(|_| table(id, None, (stable, ends), result, earlier)),
            );
        } else {
            entries.extend(failing.iter().map(|trial| {
                let over = Some(trial.over.as_str());
                table(
                    &trial.id,
                    over,
                    (self::stable(&trial.message), ends(trial)),
                    result,
                    earlier,
                )
            }));
        }
    }
    KnownList {
        entries: entries.len(),
        text: entries.join("\n"),
    }
}

/// Whether the target was lost over this trial.
fn ends(trial: &CaseResult) -> bool {
    matches!(trial.verdict, Verdict::Crashed | Verdict::Hung)
}

/// The part of a message that is the same every time: what was expected, not what came with its ids and times.
fn stable(message: &str) -> &str {
    message
        .split(", but came ")
        .next()
        .unwrap_or(message)
        .lines()
        .next()
        .unwrap_or_default()
}

fn table(
    case: &str,
    over: Option<&str>,
    (fails, ends): (&str, bool),
    result: &RunResult,
    earlier: &[KnownEntry],
) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let same = |entry: &&KnownEntry| {
        entry.case == case && entry.fails == fails && entry.over.iter().map(String::as_str).eq(over)
    };
    let (why, link) = match earlier.iter().find(same) {
        Some(entry) => (entry.why.clone(), entry.link.as_str()),
        None => {
            let name = result.target.full_name();
            (format!("failed with {name} when this list was written"), "")
        }
    };
    let over = over.map_or_else(String::new, |over| format!("over = {}\n", text(over)));
    let (case, fails, why, link) = (text(case), text(fails), text(&why), text(link));
    let ends = if ends { "ends = true\n" } else { "" };
    format!("[[known]]\ncase = {case}\n{over}fails = {fails}\n{ends}why = {why}\nlink = {link}\n")
}

/// Turns failures that are listed into `known`, and tells in a sentence each where the list is wrong.
///
/// `elsewhere` are the ids of cases that were not selected, of any role; `None` where the whole corpus is not at hand, so
/// that an entry which matches nothing proves nothing.
pub(super) fn apply(
    entries: &[KnownEntry],
    cases: &mut [CaseResult],
    elsewhere: Option<&[String]>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for case in cases.iter_mut() {
        let listed: Vec<&KnownEntry> = entries
            .iter()
            .filter(|entry| concerns(entry, &case.id, &case.over))
            .collect();
        if listed.is_empty() {
            continue;
        }
        match case.verdict {
            Verdict::Fail | Verdict::Lenient | Verdict::Crashed | Verdict::Hung => {
                match listed.iter().find(|entry| case.message.contains(&entry.fails)) {
                    Some(entry) => {
                        case.verdict = Verdict::Known;
                        case.known = Some(KnownInfo {
                            why: entry.why.clone(),
                            link: entry.link.clone(),
                        });
                    }
                    None => violations.push(format!(
                        "{} over {} is listed as failing with `{}`, but now: {}",
                        case.id, case.over, listed[0].fails, case.message
                    )),
                }
            }
            Verdict::Pass => violations.push(format!(
                "{} over {} is listed as a known failure, and passes: take `{}` off the list",
                case.id, case.over, listed[0].case
            )),
            Verdict::Known | Verdict::Flaky | Verdict::Skip | Verdict::Blocked | Verdict::Broken => {}
        }
    }
    if let Some(elsewhere) = elsewhere {
        let matches_nothing = |entry: &&KnownEntry| {
            !cases.iter().any(|case| concerns(entry, &case.id, &case.over))
                && !elsewhere.iter().any(|id| matches(&entry.case, id))
        };
        violations.extend(entries.iter().filter(matches_nothing).map(|entry| {
            let over = if entry.over.is_empty() {
                String::new()
            } else {
                format!(" over {}", entry.over.join(", "))
            };
            format!("the known failure `{}`{over} matches no case", entry.case)
        }));
    }
    violations
}

/// Whether a failure with this message is expected of this trial.
pub(super) fn excuses(entries: &[KnownEntry], id: &str, over: &str, message: &str) -> bool {
    entries
        .iter()
        .any(|entry| concerns(entry, id, over) && message.contains(&entry.fails))
}

/// Whether this trial is expected to fail.
pub(super) fn lists(entries: &[KnownEntry], id: &str, over: &str) -> bool {
    entries.iter().any(|entry| concerns(entry, id, over))
}

/// Whether this trial is listed as one that ends or hangs the target.
pub(super) fn ends_target(entries: &[KnownEntry], id: &str, over: &str) -> bool {
    let mut meant = entries.iter().filter(|entry| concerns(entry, id, over));
    meant.any(|entry| entry.ends)
}

fn concerns(entry: &KnownEntry, id: &str, over: &str) -> bool {
    let meant = entry.over.is_empty() || entry.over.iter().any(|only| only == over);
    meant && matches(&entry.case, id)
}

/// Whether a pattern, in which `*` stands for any text, matches an id, with or without its `each` values.
fn matches(pattern: &str, id: &str) -> bool {
    glob(pattern, id) || glob(pattern, base(id))
}

/// The id of a case without its `each` values.
fn base(id: &str) -> &str {
    id.split_once('[').map_or(id, |(base, _)| base)
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(case: &str, fails: &str) -> KnownEntry {
        let text = |text: &str| text.to_owned();
        KnownEntry {
            case: text(case),
            over: Vec::new(),
            fails: text(fails),
            why: text("old"),
            link: String::new(),
            ends: false,
        }
    }

    fn case(id: &str, verdict: Verdict, message: &str) -> CaseResult {
        let (over, message) = ("polling".to_owned(), message.to_owned());
        CaseResult {
            id: id.to_owned(),
            over,
            verdict,
            message,
            ..CaseResult::default()
        }
    }

    #[test]
    fn a_star_stands_for_any_text_and_values_may_be_left_out() {
        for (pattern, id, yes) in [
            ("server/a/b", "server/a/b", true),
            ("server/a/b", "server/a/b[?EIO=4]", true),
            ("server/a/b[?EIO=4]", "server/a/b[?EIO=4]", true),
            ("server/a/b[?EIO=3]", "server/a/b[?EIO=4]", false),
            ("server/*", "server/a/b", true),
            ("*/b", "server/a/b", true),
            ("server/*/x*y", "server/a/x-y", true),
            ("server/*/x*y", "server/a/y-x", false),
            ("server/a", "server/a/b", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, id), yes, "{pattern} {id}");
        }
    }

    #[test]
    fn who_ends_the_target_is_listed_so() {
        let ends = KnownEntry {
            ends: true,
            ..entry("client/b*", "exit status: 1")
        };
        let list = [entry("client/a", "exit status: 1"), ends];
        assert!(!ends_target(&list, "client/a", "websocket"));
        assert!(ends_target(&list, "client/b[1]", "websocket"));
        assert!(!ends_target(&list, "client/c", "websocket"));
    }

    #[test]
    fn a_list_that_is_written_says_who_ended_the_target() {
        let result = RunResult {
            cases: vec![
                case("server/a", Verdict::Crashed, "the target's process ended"),
                case("server/b", Verdict::Fail, "expected 400, but came 200"),
            ],
            ..RunResult::default()
        };
        let list = known_list(&result, false, &[]);
        assert_eq!(list.entries, 2);
        let (first, second) = list.text.split_once("\n\n").unwrap();
        assert!(first.contains("case = \"server/a\"") && first.contains("\nends = true\n"));
        assert!(second.contains("case = \"server/b\"") && !second.contains("ends"));
    }

    #[test]
    fn a_failure_as_listed_is_known() {
        let mut cases = [case("server/a", Verdict::Fail, "expected 400; came 200")];
        assert!(apply(&[entry("server/a", "came 200")], &mut cases, Some(&[])).is_empty());
        assert_eq!(cases[0].verdict, Verdict::Known);
        assert_eq!(cases[0].known.as_ref().unwrap().why, "old");
    }

    #[test]
    fn a_list_that_is_no_longer_true_is_told() {
        let mut cases = [
            case("server/a", Verdict::Fail, "came 500"),
            case("server/b", Verdict::Pass, ""),
        ];
        let list = [entry("server/*", "came 200"), entry("server/c", "x")];
        let violations = apply(&list, &mut cases, Some(&[]));
        assert_eq!(cases[0].verdict, Verdict::Fail);
        assert_eq!(violations.len(), 3, "{violations:#?}");
        assert!(violations[0].contains("but now: came 500"));
        assert!(violations[1].contains("take `server/*` off the list"));
        assert!(violations[2].contains("`server/c` matches no case"));
    }

    #[test]
    fn entries_of_cases_that_were_not_selected_are_left_alone() {
        let mut cases = [case("server/a", Verdict::Pass, "")];
        let list = [entry("client/*", "x")];
        assert!(apply(&list, &mut cases, None).is_empty());
        assert!(apply(&list, &mut cases, Some(&["client/q".to_owned()])).is_empty());
    }

    #[test]
    fn an_entry_may_be_for_one_transport() {
        let only_websocket = KnownEntry {
            over: vec!["websocket".to_owned()],
            ..entry("server/a", "came")
        };
        let mut cases = [case("server/a", Verdict::Fail, "came 200")];
        let violations = apply(&[only_websocket], &mut cases, Some(&[]));
        assert_eq!((cases[0].verdict, violations.len()), (Verdict::Fail, 1));
    }
}
