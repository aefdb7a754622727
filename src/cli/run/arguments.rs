//! The arguments of `siospec run`, and how their values are read.

use crate::cli::selecting::Selecting;
use crate::target::Limits;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Targets:
  (none)                  the reference that is built in
  http://HOST:PORT        a server that runs; a path other than /socket.io/ is given in the URL
  targets/NAME            a folder with a target.toml, or such a file
  -- COMMAND              a command that starts a server on the port in PORT
                          (with --role client or codec: a driver, see docs/driver.md)

Patterns are ids of cases, parts of them, or globs: 'server/ack/*'.

Examples:
  siospec run http://localhost:3000 --report-junit junit.xml
  siospec run targets/socket.io server/connect --over polling -v
  siospec run --cases my-cases -- python server.py
  siospec run --role client -- node driver.mjs
  siospec run --fault NAME                   see what a broken server looks like";

/// The arguments of `siospec run`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Run {
    /// The target, then patterns of cases
    #[arg(value_name = "TARGET|PATTERN")]
    pub(super) words: Vec<String>,
    /// A command that starts the target
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
    #[command(flatten)]
    pub(super) selecting: Selecting,
    #[command(flatten)]
    pub(super) playing: Playing,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) showing: Showing,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How they are played")]
pub(super) struct Playing {
    /// Play cases that may end or burden the target, also on one that siospec did not start
    #[arg(long)]
    pub(super) hazards: bool,
    /// Start the built-in reference with a deliberate fault, and judge as with --strict
    #[arg(long, value_name = "NAME")]
    pub(super) fault: Option<String>,
    /// Skip cases that would wait longer for timers
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(super) max_wait: Duration,
    /// Give a case up after this time, besides the timers that it waits for
    #[arg(long, value_name = "TIME", value_parser = some_time, default_value = "30s")]
    pub(super) timeout: Duration,
    /// How long a target that siospec starts may take to answer
    #[arg(long, value_name = "TIME", value_parser = some_time, default_value = "15s")]
    pub(super) start_timeout: Duration,
    /// How many cases are played side by side
    #[arg(short, long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(super) jobs: u16,
    /// The connect timeout of the target in milliseconds, 0 for none
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub(super) connect_timeout: Option<f64>,
    /// How much memory a target that siospec starts may use
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_memory: u64,
    /// Accept any TLS certificate
    #[arg(long)]
    pub(super) insecure: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How they are judged")]
pub(super) struct Judging {
    /// A list of known failures, besides the target's own
    #[arg(long, value_name = "FILE")]
    pub(super) known: Vec<PathBuf>,
    /// Lenient and flaky cases and deviations fail the gate too
    #[arg(long)]
    pub(super) strict: bool,
    /// Skipped cases fail the gate too
    #[arg(long)]
    pub(super) no_skips: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(super) struct Showing {
    /// Write the result as JSON, from which all other reports can be made
    #[arg(long, value_name = "PATH")]
    pub(super) report_json: Option<PathBuf>,
    /// Write the result as JUnit XML
    #[arg(long, value_name = "PATH")]
    pub(super) report_junit: Option<PathBuf>,
    /// Write the result as an HTML page, which needs no network
    #[arg(long, value_name = "PATH")]
    pub(super) report_html: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "PATH")]
    pub(super) report_markdown: Option<PathBuf>,
    /// Write the JSON of a shields endpoint badge
    #[arg(long, value_name = "PATH")]
    pub(super) report_badge: Option<PathBuf>,
    /// Only failures, in a line each, and the gate
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Every case in a line, and transcripts of failures
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// The slowest cases at the end
    #[arg(long)]
    pub(super) slow: bool,
}

impl Run {
    /// Whether lenient trials count. The reference keeps what is only recommended as well, so a fault of that is one.
    pub(in crate::cli) fn is_strict(&self) -> bool {
        self.judging.strict || self.playing.fault.is_some()
    }
}

impl Default for Run {
    fn default() -> Self {
        /// The smallest command around the arguments.
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            run: Run,
        }
        <Alone as clap::Parser>::parse_from(["siospec"]).run
    }
}

impl Playing {
    /// What a target that siospec starts may take.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            start: self.start_timeout,
            memory: self.max_memory.saturating_mul(1 << 20),
            ..Limits::default()
        }
    }
}

/// `500ms`, `10s`, `2m`.
pub(in crate::cli) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 500ms, 10s or 2m".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(expected)?;
    let number: f64 = text[..digits].parse().map_err(|_| expected())?;
    let seconds = match &text[digits..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(expected()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| expected())
}

/// A duration in which something can happen.
fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected more than no time at all".to_owned()),
        time => Ok(time),
    }
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "expected milliseconds, such as 1000, or 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["10", "s", "1h", "-1s", "1..2s", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_command_means_run_with_the_defaults() {
        let run = Run::default();
        assert!(run.words.is_empty());
        assert_eq!(run.playing.jobs, 24);
    }
}
