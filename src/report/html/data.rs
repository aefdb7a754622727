//! What the page carries for its script: cases once, for each result a letter a trial, and details where a trial did not simply pass.
//!
//! Owns how much is kept, so that the page stays below its size. Everything is made safe to read here; that it is inert is
//! the work of the page (it is embedded as JSON without `<`) and of the script (it only ever sets text).

use super::details::{self, Details};
use super::strings::Strings;
use crate::outcome::{CaseResult, RunResult, Verdict};
use crate::report::matrix::{badness, base, labels};
use crate::report::text::{brief, brief_lines};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The longest name of a role, in characters.
const ROLE: usize = 20;

/// How much of each trial is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    /// Rows of a diagram.
    pub(super) rows: usize,
    /// Characters of a row.
    pub(super) entry: usize,
    /// Characters of any other text; scripts may have the quadruple.
    pub(super) text: usize,
    /// Which trials have a diagram.
    diagrams: Diagrams,
    /// Whether the reference's transcripts are kept.
    baselines: bool,
}

/// Which of the trials that did not simply pass have a diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Diagrams {
    All,
    /// The worst trial of each case.
    WorstOfCase,
    None,
}

impl Depth {
    /// Everything.
    pub(super) const FULL: Self = Self {
        rows: 90,
        entry: 600,
        text: 2_000,
        diagrams: Diagrams::All,
        baselines: true,
    };
    /// The same with another number of rows.
    #[cfg(test)]
    pub(super) fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// From everything to hardly anything.
    pub(super) const ALL: [Self; 5] = [
        Self::FULL,
        Self {
            rows: 40,
            entry: 200,
            text: 600,
            ..Self::FULL
        },
        Self {
            rows: 30,
            entry: 160,
            text: 400,
            diagrams: Diagrams::WorstOfCase,
            baselines: true,
        },
        Self {
            rows: 12,
            entry: 80,
            text: 200,
            diagrams: Diagrams::WorstOfCase,
            baselines: false,
        },
        Self {
            rows: 0,
            entry: 0,
            text: 120,
            diagrams: Diagrams::None,
            baselines: false,
        },
    ];
}

/// All of it. Numbers are places in `strings`, unless said otherwise.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    strings: Vec<String>,
    results: Vec<ResultData>,
    cases: Vec<CaseData>,
    trials: Vec<TrialData>,
    /// Whether something was left out to keep the page small.
    shortened: bool,
}

#[derive(Debug, Serialize)]
struct ResultData {
    label: usize,
    role: usize,
    /// The run was interrupted: what has no verdict was not played.
    interrupted: bool,
    /// A letter for each of `trials`: see [`letter`].
    verdicts: String,
    /// Place of the trial → what there is to say.
    details: BTreeMap<usize, Details>,
}

#[derive(Debug, Serialize)]
struct CaseData {
    id: usize,
    role: usize,
    area: usize,
    title: usize,
    rule: usize,
    level: usize,
    text: usize,
    source: usize,
    /// Empty where there is none.
    link: usize,
    impact: usize,
    hazard: bool,
    /// The first of its `trials`, and how many they are.
    first: usize,
    count: usize,
}

#[derive(Debug, Serialize)]
struct TrialData {
    /// The `each` values.
    values: usize,
    over: usize,
    variant: usize,
    script: usize,
    baseline: Vec<usize>,
}

/// The letter of a trial; `.` stands for a trial that the result does not have.
fn letter(case: &CaseResult) -> char {
    match case.verdict {
        Verdict::Pass if case.deviation.is_some() => 'd',
        Verdict::Pass => 'p',
        Verdict::Lenient => 'l',
        Verdict::Fail => 'f',
        Verdict::Known => 'k',
        Verdict::Flaky => 'y',
        Verdict::Skip => 's',
        Verdict::Blocked => 'b',
        Verdict::Crashed => 'c',
        Verdict::Hung => 'h',
        Verdict::Broken => 'x',
    }
}

/// The trials of all results: role and case → `each` values, transport and variant → the first result's form of it.
type Plan<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<TrialKey<'a>, &'a CaseResult>>;
type TrialKey<'a> = (&'a str, &'a str, &'a str);

fn trial_key(case: &CaseResult) -> TrialKey<'_> {
    (&case.id[base(&case.id).len()..], &case.over, &case.variant)
}

impl Data {
    /// The data of the results, as deep as `depth` says.
    pub(super) fn of(results: &[RunResult], depth: &Depth) -> Self {
        let mut strings = Strings::default();
        let mut plan: Plan<'_> = BTreeMap::new();
        for result in results {
            for case in &result.cases {
                let trials = plan.entry((&result.role, base(&case.id))).or_default();
                trials.entry(trial_key(case)).or_insert(case);
            }
        }
        let (mut cases, mut trials) = (Vec::new(), Vec::new());
        let mut places = BTreeMap::new();
        for ((role, id), of_case) in &plan {
            let Some(first) = of_case.values().next() else {
                continue;
            };
            cases.push(CaseData {
                first: trials.len(),
                count: of_case.len(),
                ..case_data(first, role, id, depth, &mut strings)
            });
            for (key, case) in of_case {
                places.insert((*role, *id, *key), (trials.len(), *case));
                trials.push(trial_data(case, key, depth, &mut strings));
            }
        }
        let labels = labels(results);
        let results: Vec<ResultData> = results
            .iter()
            .zip(labels)
            .map(|(result, label)| {
                let mut verdicts = vec!['.'; trials.len()];
                let mut details = BTreeMap::new();
                let shown = shown(result, depth);
                for (index, case) in result.cases.iter().enumerate() {
                    let key = (result.role.as_str(), base(&case.id), trial_key(case));
                    let Some((place, first)) = places.get(&key) else {
                        continue;
                    };
                    verdicts[*place] = letter(case);
                    if case.verdict != Verdict::Pass || case.deviation.is_some() {
                        let has_diagram = shown.contains(&index);
                        details.insert(
                            *place,
                            details::details(case, first, &result.role, has_diagram, depth, &mut strings),
                        );
                    }
                }
                ResultData {
                    label: strings.add(label),
                    role: strings.add(brief(&result.role, ROLE)),
                    interrupted: result.interrupted,
                    verdicts: verdicts.into_iter().collect(),
                    details,
                }
            })
            .collect();
        Self {
            strings: strings.into_texts(),
            results,
            cases,
            trials,
            shortened: depth.rows < Depth::FULL.rows,
        }
    }
}

/// The indices of the trials that have a diagram.
fn shown(result: &RunResult, depth: &Depth) -> BTreeSet<usize> {
    match depth.diagrams {
        Diagrams::All => (0..result.cases.len()).collect(),
        Diagrams::None => BTreeSet::new(),
        Diagrams::WorstOfCase => {
            let mut worst: BTreeMap<&str, usize> = BTreeMap::new();
            for (index, case) in result.cases.iter().enumerate() {
                let best = worst.entry(base(&case.id)).or_insert(index);
                if badness(case.verdict) < badness(result.cases[*best].verdict) {
                    *best = index;
                }
            }
            worst.into_values().collect()
        }
    }
}

fn case_data(case: &CaseResult, role: &str, id: &str, depth: &Depth, strings: &mut Strings) -> CaseData {
    let role = strings.add(brief(role, ROLE));
    let mut text = |text: &str| strings.add(brief(text, depth.text));
    CaseData {
        id: text(id),
        role,
        area: text(&case.area),
        title: text(&case.title),
        rule: text(&case.rule),
        level: text(&case.level),
        text: text(&case.rule_text),
        source: text(&case.source),
        link: text(&case.link),
        impact: text(&case.impact),
        hazard: case.hazard,
        first: 0,
        count: 0,
    }
}

fn trial_data(case: &CaseResult, key: &TrialKey<'_>, depth: &Depth, strings: &mut Strings) -> TrialData {
    let baseline: &[String] = if depth.baselines { &case.baseline } else { &[] };
    let baseline = baseline
        .iter()
        .take(depth.rows)
        .map(|line| strings.add(brief(line, depth.entry)))
        .collect();
    TrialData {
        values: strings.add(brief(key.0, 200)),
        over: strings.add(brief(key.1, 40)),
        variant: strings.add(brief(key.2, 40)),
        script: strings.add(brief_lines(&case.script, depth.text * 4)),
        baseline,
    }
}
