//! Which rules have a case.

use super::load::Corpus;
use super::rules::{Level, Rule, Rules};
use crate::notation::Role;
use std::collections::BTreeMap;

/// Every rule with every role that it binds, and what covers it.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// In the order of the rules.
    pub rows: Vec<Row>,
}

/// A rule for one role.
#[derive(Clone, Debug)]
pub struct Row {
    /// The rule.
    pub rule: Rule,
    /// Whom it binds here.
    pub role: Role,
    /// The cases or vectors that name it, for that role.
    pub cases: Vec<String>,
}

/// Whether a rule is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A case or a vector names it.
    Covered,
    /// It says why none can.
    NotCoverable,
    /// Neither.
    Uncovered,
}

/// How many rules of one area and level are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Named by a case or a vector.
    pub covered: usize,
    /// With a reason why none can.
    pub not_coverable: usize,
    /// Neither.
    pub uncovered: usize,
}

impl Row {
    /// Whether the rule is covered for that role.
    pub fn state(&self) -> State {
        match (&self.cases[..], &self.rule.not_coverable) {
            ([_, ..], _) => State::Covered,
            ([], Some(_)) => State::NotCoverable,
            ([], None) => State::Uncovered,
        }
    }
}

impl Coverage {
    /// What a corpus covers; `vectors` are further pairs of rule and name, for codecs.
    pub fn of<'v>(corpus: &Corpus, vectors: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let mut named: BTreeMap<(&str, Role), Vec<String>> = BTreeMap::new();
        for case in &corpus.cases {
            for rule in &case.case.header.rules {
                named
                    .entry((rule, case.case.header.role))
                    .or_default()
                    .push(case.id.clone());
            }
        }
        for (rule, vector) in vectors {
            named
                .entry((rule, Role::Codec))
                .or_default()
                .push(vector.to_owned());
        }
        Self::rows(&corpus.rules, &named)
    }

    fn rows(rules: &Rules, named: &BTreeMap<(&str, Role), Vec<String>>) -> Self {
        let row = |rule: &Rule, role: Role| Row {
            rule: rule.clone(),
            role,
            cases: named.get(&(rule.id.as_str(), role)).cloned().unwrap_or_default(),
        };
        let rows = rules
            .iter()
            .flat_map(|rule| rule.roles.iter().map(move |role| row(rule, *role)));
        Self { rows: rows.collect() }
    }

    /// The numbers for each area and level.
    pub fn counts(&self) -> BTreeMap<(&str, Level), Counts> {
        let mut counts: BTreeMap<(&str, Level), Counts> = BTreeMap::new();
        for row in &self.rows {
            let entry = counts
                .entry((row.rule.area.as_str(), row.rule.level))
                .or_default();
            match row.state() {
                State::Covered => entry.covered += 1,
                State::NotCoverable => entry.not_coverable += 1,
                State::Uncovered => entry.uncovered += 1,
            }
        }
        counts
    }

    /// What a complete register would not have, a sentence each: rules that nothing covers, and reasons why none
    /// can although something does.
    pub fn problems(&self) -> Vec<String> {
        let covered_for_all = |rule: &Rule| {
            self.rows
                .iter()
                .filter(|row| row.rule.id == rule.id)
                .all(|row| row.state() == State::Covered)
        };
        let problem = |row: &Row| {
            let (id, role) = (&row.rule.id, row.role.word());
            match row.state() {
                State::Uncovered => Some(format!(
                    "no case covers `{id}` for the role `{role}`, and it does not say why"
                )),
                State::Covered if row.rule.not_coverable.is_some() && covered_for_all(&row.rule) => Some(
                    format!("`{id}` says that no case can cover it, but {} does", row.cases[0]),
                ),
                _ => None,
            }
        };
        self.rows.iter().filter_map(problem).collect()
    }
}
