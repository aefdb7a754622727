//! The table: nanoseconds and packets a second for everyone, and how often the reference is as fast as the faster of the
//! two others.

use crate::{inputs::Task, measure::Time};

/// Lines that are printed at the end.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    /// Adds a task with the times of all that took part.
    pub(crate) fn add(&mut self, task: Task, times: &[Time]) {
        let rival = times
            .iter()
            .filter(|time| matches!(time.name, "socketioxide" | "Node"))
            .min_by(|a, b| a.nanos.total_cmp(&b.nanos));
        for (index, time) in times.iter().enumerate() {
            let name = if index == 0 { task.name() } else { "" };
            let ratio = match rival {
                Some(rival) if time.name.starts_with("reference") => {
                    format!("{:.2} times as fast as {}", rival.nanos / time.nanos, rival.name)
                }
                _ => String::new(),
            };
            let line = format!(
                "{name:<24}{:<22}{:>12.1} ns{:>12.0} /s  {ratio}",
                time.name,
                time.nanos,
                1e9 / time.nanos
            );
            self.lines.push(line.trim_end().to_owned());
        }
        self.lines.push(String::new());
    }

    /// Prints everything.
    pub(crate) fn print(&self) {
        for line in &self.lines {
            println!("{line}");
        }
    }
}
