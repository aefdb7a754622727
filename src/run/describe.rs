//! What a result says of a trial before it is played: its case, its rule, the way back to it.

use crate::outcome::{CaseResult, TargetInfo};
use crate::suite::{Rules, Trial};
use crate::target::quoted;

/// A result without a verdict.
pub(super) fn result(trial: &Trial, rules: &Rules, target: &TargetInfo, cases: Option<&str>) -> CaseResult {
    let header = &trial.case.header;
    let accused = header.rules.first();
    let mut result = CaseResult {
        id: trial.id.clone(),
        over: trial.over_word().to_owned(),
        variant: header.variant.clone().unwrap_or_default(),
        area: trial.loaded.area.clone(),
        title: header.title.clone(),
        rule: accused.cloned().unwrap_or_default(),
        level: trial.loaded.level.word().to_owned(),
        hazard: header.hazard.is_some(),
        script: trial.text.clone(),
        replay: replay(trial, target, cases),
        ..CaseResult::default()
    };
    if let Some(rule) = accused.and_then(|id| rules.get(id)) {
        result.rule_text.clone_from(&rule.text);
        result.source.clone_from(&rule.source);
        result.link = rule.link.clone().unwrap_or_default();
        result.impact.clone_from(&rule.impact);
    }
    result
}

/// The command that plays a trial again.
fn replay(trial: &Trial, target: &TargetInfo, cases: Option<&str>) -> String {
    let from = cases.map_or_else(String::new, |folder| format!(" --cases {}", quoted(folder)));
    let over = trial
        .over
        .map_or_else(String::new, |over| format!(" --over {}", over.word()));
    let (before, after) = match target.argument.strip_prefix("-- ") {
        Some(command) => (String::new(), format!(" -- {command}")),
        None if target.argument.is_empty() => (String::new(), String::new()),
        None => (format!(" {}", target.argument), String::new()),
    };
    format!("siospec run{before} {}{over}{from}{after}", quoted(&trial.id))
}
