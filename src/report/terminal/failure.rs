//! One failure as a compiler would say it: the line of the script, what came instead, the rule, the way back to it.

use crate::outcome::{CaseResult, Failure, Verdict};
use crate::report::group::{self, blamed_line, groups};
use crate::report::matrix::base;
use crate::report::text::{brief, count};
use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

/// How many lines of the script stand above and below the one that is underlined.
const NEIGHBOURS: usize = 2;
/// How much of what a target sent is shown.
const SHOWN: usize = 400;
/// How many of the other trials of a block are named.
const NAMED: usize = 6;
/// How many transcript lines are shown where they are asked for.
const TRANSCRIPT_LINES: usize = 40;

/// The trials of one case that went wrong at the same line: one block of the report.
#[derive(Debug)]
pub(super) struct Block<'a> {
    trials: Vec<&'a CaseResult>,
}

/// Puts trials of one case that went wrong in the same way into one block, in the order of their ids.
pub(super) fn blocks<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Vec<Block<'a>> {
    groups(cases).into_iter().map(|trials| Block { trials }).collect()
}

impl Block<'_> {
    /// The block as text with ANSI colours, ending in a line break.
    pub(super) fn render(&self, with_transcript: bool) -> String {
        let Some(first) = self.trials.first() else {
            return String::new();
        };
        let title = format!("{}: {}", self.name(first), brief(&first.title, SHOWN));
        let source = first
            .failure
            .as_ref()
            .and_then(|failure| Excerpt::of(&first.script, failure));
        let notes = self.notes(first, source.is_none(), with_transcript);
        let level = if first.verdict == Verdict::Lenient {
            Level::WARNING
        } else {
            Level::ERROR
        };
        let mut group = level
            .with_name(first.verdict.word())
            .primary_title(title)
            .elements([] as [Element<'_>; 0]);
        if let Some(excerpt) = &source {
            let path = brief(base(&first.id), SHOWN);
            // A vector is one of many in a table: its lines are counted from where it begins.
            let ending = if first.over == "vector" { "" } else { ".sio" };
            group = group.element(excerpt.snippet(&format!("{path}{ending}")));
        }
        for (name, text) in &notes {
            group = group.element(Level::NOTE.with_name(*name).message(text.as_str()));
        }
        format!("{}\n", Renderer::styled().render(&[group]))
    }

    fn name(&self, first: &CaseResult) -> String {
        let same_id = self.trials.iter().all(|trial| trial.id == first.id);
        let mut overs: Vec<&str> = self.trials.iter().map(|trial| trial.over.as_str()).collect();
        overs.sort_unstable();
        overs.dedup();
        let variant = if first.variant.is_empty() {
            String::new()
        } else {
            format!(", variant {}", first.variant)
        };
        let id = if same_id {
            first.id.as_str()
        } else {
            base(&first.id)
        };
        brief(&format!("{id} ({}{variant})", overs.join(", ")), SHOWN)
    }

    /// What is said under the script, each with the word that introduces it.
    fn notes(
        &self,
        first: &CaseResult,
        without_script: bool,
        with_transcript: bool,
    ) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        match &first.failure {
            Some(failure) => {
                if without_script && !failure.script_line.is_empty() {
                    notes.push(("line", brief(&failure.script_line, SHOWN)));
                }
                if without_script {
                    notes.push(("expected", brief(&failure.expected, SHOWN)));
                }
                notes.push(("came", came(failure)));
                notes.extend(
                    failure
                        .allowed
                        .iter()
                        .map(|allowed| ("also allowed", brief(allowed, SHOWN))),
                );
                if !failure.hint.is_empty() {
                    notes.push(("hint", brief(&failure.hint, SHOWN)));
                }
                if !first.message.is_empty() && !first.message.contains(&failure.came) {
                    notes.push(("why", brief(&first.message, SHOWN)));
                }
            }
            None => notes.push(("why", brief(&first.message, 4 * SHOWN))),
        }
        if let Some(others) = self.others(first) {
            notes.push(("also", others));
        }
        let source = if first.source.is_empty() {
            String::new()
        } else {
            format!(" [{}]", brief(&first.source, SHOWN))
        };
        notes.push((
            "rule",
            format!(
                "{} ({}): {}{source}",
                brief(&first.rule, 200),
                brief(&first.level, 40),
                brief(&first.rule_text, SHOWN)
            ),
        ));
        if !first.impact.is_empty() {
            notes.push(("impact", brief(&first.impact, SHOWN)));
        }
        // What a target said before it ended is often the whole story.
        let last_words =
            matches!(first.verdict, Verdict::Crashed | Verdict::Hung) && !first.transcript.is_empty();
        if last_words {
            notes.push(("output", transcript(first)));
        } else if with_transcript {
            notes.push(("transcript", transcript(first)));
        }
        if !first.replay.is_empty() {
            notes.push(("replay", brief(&first.replay, 4 * SHOWN)));
        }
        notes
    }

    /// The other trials of the block, and what came there where it differs.
    fn others(&self, first: &CaseResult) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        for trial in self.trials.iter().skip(1) {
            let differs = group::came(trial) != group::came(first);
            let says = if differs {
                format!(": {}", brief(group::came(trial), SHOWN / 4))
            } else {
                String::new()
            };
            lines.push(format!(
                "{} over {}{says}",
                brief(&trial.id, SHOWN),
                brief(&trial.over, 40)
            ));
        }
        if lines.is_empty() {
            return None;
        }
        if lines.len() > NAMED {
            let more = lines.len() - NAMED;
            lines.truncate(NAMED);
            lines.push(format!("and {}", count(more, "other trial", "other trials")));
        }
        Some(lines.join("\n"))
    }
}

fn came(failure: &Failure) -> String {
    format!("{} (after {:.0} ms)", brief(&failure.came, SHOWN), failure.at)
}

fn transcript(case: &CaseResult) -> String {
    let skipped = case.transcript.len().saturating_sub(TRANSCRIPT_LINES);
    let mut lines = Vec::new();
    if skipped > 0 {
        lines.push(format!("({} above)", count(skipped, "line", "lines")));
    }
    lines.extend(
        case.transcript[skipped..]
            .iter()
            .map(|line| brief(line, SHOWN / 2)),
    );
    lines.join("\n")
}

/// The line of a script that is to blame, with its neighbours.
struct Excerpt {
    text: String,
    first_line: usize,
    blamed: std::ops::Range<usize>,
    label: String,
}

impl Excerpt {
    fn of(script: &str, failure: &Failure) -> Option<Self> {
        let lines: Vec<&str> = script.lines().collect();
        let at = blamed_line(&lines, failure)?;
        let from = at.saturating_sub(NEIGHBOURS);
        let to = (at + NEIGHBOURS + 1).min(lines.len());
        let mut text = String::new();
        let mut blamed = 0..0;
        for (index, line) in lines[from..to].iter().enumerate() {
            let line = brief(line, SHOWN / 2);
            if from + index == at {
                blamed = text.len()..text.len() + line.len();
            }
            text.push_str(&line);
            text.push('\n');
        }
        let label = format!("expected {}", brief(&failure.expected, SHOWN));
        Some(Self {
            text,
            first_line: from + 1,
            blamed,
            label,
        })
    }

    fn snippet(&self, path: &str) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        Snippet::source(self.text.as_str())
            .line_start(self.first_line)
            .path(path.to_owned())
            .fold(false)
            .annotation(
                AnnotationKind::Primary
                    .span(self.blamed.clone())
                    .label(self.label.as_str()),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(id: &str, over: &str) -> CaseResult {
        CaseResult {
            id: id.to_owned(),
            over: over.to_owned(),
            title: "An unknown namespace is refused".to_owned(),
            rule: "sio.connect.unknown-namespace".to_owned(),
            level: "must".to_owned(),
            rule_text: "The server answers with CONNECT_ERROR.".to_owned(),
            source: "protocol, Connection".to_owned(),
            verdict: Verdict::Fail,
            message: "expected an error packet; came close".to_owned(),
            script: "title: x\nrule: y\nover: polling\n\n> 40/nope,\n< 44/nope,{\"message\":<string>}\n"
                .to_owned(),
            failure: Some(Failure {
                line: 6,
                script_line: "< 44/nope,{\"message\":<string>}".to_owned(),
                expected: "an error packet".to_owned(),
                came: "close \u{1b}[2J".to_owned(),
                at: 12.4,
                ..Failure::default()
            }),
            replay: format!("siospec run targets/x '{id}' --over {over}"),
            ..CaseResult::default()
        }
    }

    fn plain(case: &[CaseResult]) -> Vec<String> {
        let blocks = blocks(case.iter());
        blocks
            .iter()
            .map(|block| anstream::adapter::strip_str(&block.render(false)).to_string())
            .collect()
    }

    #[test]
    fn a_failure_points_at_its_line_and_says_how_to_see_it_again() {
        let rendered = plain(&[failed("server/connect/nope", "polling")]);
        insta::assert_snapshot!(rendered.join("\n"));
    }

    #[test]
    fn transports_and_values_of_one_case_share_a_block() {
        let mut cases: Vec<CaseResult> = (0..9)
            .map(|n| failed(&format!("server/connect/nope[{n}]"), "polling"))
            .collect();
        cases.push(failed("server/connect/nope[0]", "websocket"));
        let rendered = plain(&cases);
        assert_eq!(rendered.len(), 1, "{rendered:#?}");
        assert!(rendered[0].contains("and 3 other trials"), "{}", rendered[0]);
        assert!(rendered[0].contains("(polling, websocket)"), "{}", rendered[0]);
    }

    #[test]
    fn a_failure_without_a_line_says_what_it_knows() {
        let mut case = failed("server/x", "wire");
        case.failure = None;
        case.verdict = Verdict::Crashed;
        case.message = "the target's process ended (signal: 11)".to_owned();
        let rendered = plain(&[case]);
        assert!(
            rendered[0].contains("crashed: server/x (wire)"),
            "{}",
            rendered[0]
        );
        assert!(rendered[0].contains("signal: 11"), "{}", rendered[0]);
    }
}
