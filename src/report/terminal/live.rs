//! The reporter itself: consumes the events of a run and writes what the chosen detail asks for.

use super::{failure, summary};
use crate::outcome::{CaseResult, RunEvent, RunResult, TargetInfo, Verdict};
use crate::report::group::named;
use crate::report::text::{brief, count};
use std::io::{self, Write};

/// How many failures are shown in full.
const BLOCKS: usize = 60;

/// How much is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// Only the gate, and the failures in a line each.
    pub quiet: bool,
    /// Every trial in a line, and transcripts under the failures.
    pub verbose: bool,
    /// Lenient trials count, so they are shown like failures.
    pub strict: bool,
    /// The slowest trials at the end.
    pub slow: bool,
}

/// Writes a run to a terminal, or to whatever stands in its place. Colours are ANSI; the writer strips them where they
/// are not wanted.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    detail: Detail,
}

impl<W: Write> Terminal<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, detail: Detail) -> Self {
        Self { out, detail }
    }

    /// Takes in an event.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::Started {
                target,
                role,
                planned,
                capabilities,
            } => self.started(target, role, *planned, capabilities),
            RunEvent::TrialStarted { .. } => Ok(()),
            RunEvent::TrialFinished(case) => self.finished_trial(case),
            RunEvent::Retrying { id, reason } => {
                self.verbosely(&format!("again   {}: {}", brief(id, 200), brief(reason, 400)))
            }
            RunEvent::Notice(notice) => self.notice(notice),
            RunEvent::Finished(result) => self.finished(result),
        }
    }

    fn started(
        &mut self,
        target: &TargetInfo,
        role: &str,
        planned: usize,
        capabilities: &[(String, bool)],
    ) -> io::Result<()> {
        if self.detail.quiet {
            return Ok(());
        }
        writeln!(
            self.out,
            "{} as a {}, {}",
            describe(target),
            brief(role, 20),
            count(planned, "trial", "trials")
        )?;
        let capabilities = capabilities.iter().map(|(name, able)| (name.as_str(), *able));
        writeln!(self.out, "{}", summary::capabilities(capabilities))
    }

    fn finished_trial(&mut self, case: &CaseResult) -> io::Result<()> {
        if self.detail.verbose {
            self.write(&summary::line(case))
        } else {
            Ok(())
        }
    }

    fn notice(&mut self, notice: &str) -> io::Result<()> {
        if self.detail.quiet {
            Ok(())
        } else {
            writeln!(self.out, "note    {}", brief(notice, 1_000))
        }
    }

    fn verbosely(&mut self, line: &str) -> io::Result<()> {
        if self.detail.verbose {
            writeln!(self.out, "{line}")
        } else {
            Ok(())
        }
    }

    fn finished(&mut self, result: &RunResult) -> io::Result<()> {
        let strict = self.detail.strict;
        let is_shown =
            |case: &&CaseResult| counts(case.verdict) || (strict && case.verdict == Verdict::Lenient);
        let failures = failure::blocks(result.cases.iter().filter(is_shown));
        if self.detail.quiet {
            for case in result.cases.iter().filter(is_shown) {
                self.write(&summary::line(case))?;
            }
            return self.write(&summary::gate(result));
        }
        for block in failures.iter().take(BLOCKS) {
            writeln!(self.out, "{}", block.render(self.detail.verbose))?;
        }
        if let Some(more) = failures.len().checked_sub(BLOCKS).filter(|more| *more > 0) {
            writeln!(
                self.out,
                "… and {}: see the reports\n",
                count(more, "other failure", "other failures")
            )?;
        }
        let remarks: &[Verdict] = if strict {
            &[Verdict::Flaky]
        } else {
            &[Verdict::Lenient, Verdict::Flaky]
        };
        self.remarks(result, remarks)?;
        self.deviations(result)?;
        self.write(&summary::table(result))?;
        writeln!(self.out)?;
        self.write(&summary::skips(result))?;
        if self.detail.slow {
            self.write(&summary::slowest(result))?;
        }
        self.write(&summary::gate(result))
    }

    /// What is no failure but should be known, in a line each; known failures only where every trial is wanted.
    fn remarks(&mut self, result: &RunResult, verdicts: &[Verdict]) -> io::Result<()> {
        let mut any = false;
        for case in result
            .cases
            .iter()
            .filter(|case| verdicts.contains(&case.verdict))
        {
            self.write(&summary::line(case))?;
            any = true;
        }
        if any { writeln!(self.out) } else { Ok(()) }
    }

    fn deviations(&mut self, result: &RunResult) -> io::Result<()> {
        let cases: Vec<&CaseResult> = result
            .cases
            .iter()
            .filter(|case| case.deviation.is_some())
            .collect();
        if cases.is_empty() {
            return Ok(());
        }
        if self.detail.verbose || self.detail.strict {
            for case in &cases {
                writeln!(self.out, "deviation {}", named(case))?;
                for line in case.deviation.iter().flat_map(|diff| diff.lines()) {
                    writeln!(self.out, "    {}", brief(line, 200))?;
                }
            }
        }
        let differ = count(cases.len(), "passing trial deviates", "passing trials deviate");
        writeln!(self.out, "{differ} from the reference's transcript\n")
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }
}

/// Whether a verdict is shown in full.
fn counts(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Fail | Verdict::Crashed | Verdict::Hung | Verdict::Broken
    )
}

fn describe(target: &TargetInfo) -> String {
    let mut out = brief(&target.name, 200);
    if !target.version.is_empty() {
        out.push_str(&format!(" {}", brief(&target.version, 100)));
    }
    if !target.language.is_empty() {
        out.push_str(&format!(" ({})", brief(&target.language, 100)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(detail: Detail, events: &[RunEvent]) -> String {
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, detail);
        for event in events {
            terminal.handle(event).unwrap();
        }
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    fn lenient() -> CaseResult {
        let message = "came 405".to_owned();
        CaseResult {
            id: "server/a".to_owned(),
            verdict: Verdict::Lenient,
            message,
            ..CaseResult::default()
        }
    }

    #[test]
    fn a_lenient_trial_is_a_line_and_under_strict_a_failure() {
        let finished = [RunEvent::Finished(Box::new(RunResult {
            cases: vec![lenient()],
            ..RunResult::default()
        }))];
        let relaxed = written(Detail::default(), &finished);
        assert!(
            relaxed.contains("lenient server/a ()") && !relaxed.contains("rule:"),
            "{relaxed}"
        );
        let strict = written(
            Detail {
                strict: true,
                ..Detail::default()
            },
            &finished,
        );
        assert!(strict.contains("rule:"), "{strict}");
    }

    #[test]
    fn quiet_says_only_what_failed_and_the_gate() {
        let notice = RunEvent::Notice("the target had to be started again".to_owned());
        let case = CaseResult {
            verdict: Verdict::Fail,
            ..lenient()
        };
        let finished = RunEvent::Finished(Box::new(RunResult {
            cases: vec![case],
            ..RunResult::default()
        }));
        let text = written(
            Detail {
                quiet: true,
                ..Detail::default()
            },
            &[notice, finished],
        );
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
