//! A progress bar on standard error, where that is a terminal.

use crate::outcome::{RunEvent, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often the bar moves by itself, so that a long wait is seen to be one.
const TICK: Duration = Duration::from_millis(120);

/// Shows how far a run is. Hidden where standard error is no terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    failed: u64,
}

impl Progress {
    /// A bar; hidden also where it is not `wanted`.
    pub fn new(wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if !wanted {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(style("{spinner} starting the target"));
        bar.enable_steady_tick(TICK);
        Self { bar, failed: 0 }
    }

    /// Takes in an event.
    pub fn handle(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { planned, .. } => {
                self.bar.set_length(*planned as u64);
                self.bar
                    .set_style(style("{spinner} [{bar:30}] {pos}/{len} {elapsed}  {wide_msg}"));
            }
            RunEvent::TrialStarted { id, .. } => self.bar.set_message(self.say(id)),
            RunEvent::TrialFinished(case) if case.verdict == Verdict::Skip => {}
            RunEvent::TrialFinished(case) => {
                if matches!(
                    case.verdict,
                    Verdict::Fail | Verdict::Crashed | Verdict::Hung | Verdict::Broken
                ) {
                    self.failed += 1;
                }
                self.bar.inc(1);
            }
            RunEvent::Retrying { id, .. } => self.bar.set_message(self.say(&format!("alone: {id}"))),
            RunEvent::Notice(_) => {}
            RunEvent::Finished(_) => self.bar.finish_and_clear(),
        }
    }

    /// Does something that writes to the terminal, with the bar out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    fn say(&self, id: &str) -> String {
        let id: String = id.chars().filter(|c| !c.is_control()).take(60).collect();
        if self.failed == 0 {
            id
        } else {
            format!("{} failed  {id}", self.failed)
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
