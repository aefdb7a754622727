//! What a campaign shows: its findings with the commands that replay them, how far it is, and what came of it.

use super::exit::{Exit, Failure};
use super::fuzz::FuzzCodec;
use super::output::Output;
use crate::campaign::{CampaignEvent, CampaignResult, FREEDOMS, Finding};
use crate::report::safe;
use crate::suite::Rules;
use crate::target::quoted;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Tells what happens in a campaign.
pub(super) struct Telling<'a> {
    pub(super) arguments: &'a FuzzCodec,
    /// The target as it was named.
    pub(super) target: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) seed: u64,
}

impl Telling<'_> {
    /// Tells what happens.
    pub(super) fn show(&self, event: &CampaignEvent<'_>, out: &mut Output) -> std::io::Result<()> {
        match event {
            CampaignEvent::Started { target, codecs } => {
                let codecs: Vec<&str> = codecs.iter().map(|codec| codec.word()).collect();
                writeln!(
                    out,
                    "fuzzing {} of {} {} with --seed {}",
                    codecs.join(", "),
                    cut(&target.name),
                    cut(&target.version),
                    self.seed
                )?;
                out.flush()
            }
            CampaignEvent::Found(finding) if self.arguments.quiet && !counts(finding) => Ok(()),
            CampaignEvent::Found(finding) => {
                self.show_finding(finding, out)?;
                out.flush()
            }
            CampaignEvent::Progress { .. } | CampaignEvent::Shrinking(_) => Ok(()),
        }
    }

    fn show_finding(&self, finding: &Finding, out: &mut Output) -> std::io::Result<()> {
        if let Some(why) = &finding.known {
            return writeln!(out, "known    {}: {why}", finding.class);
        }
        let word = if finding.fails { "FOUND" } else { "lenient" };
        writeln!(out, "{word:<8} {}", finding.class)?;
        let rule = self
            .rules
            .get(&finding.rule)
            .map_or("", |rule| rule.text.as_str());
        writeln!(
            out,
            "         rule      {} ({}): {rule}",
            finding.rule,
            finding.level.word()
        )?;
        if !finding.input.is_empty() {
            writeln!(out, "         input     {}", cut(&finding.input))?;
        }
        writeln!(out, "         expected  {}", cut(&finding.expected))?;
        writeln!(out, "         but came  {}", cut(&finding.came))?;
        if finding.vector.is_some() {
            writeln!(out, "         replay    {}", self.replay(finding))?;
        }
        Ok(())
    }

    /// The command that shows a finding again.
    fn replay(&self, finding: &Finding) -> String {
        let id = format!("codec/{}/{}", finding.codec.word(), finding.vector_id);
        let argument = self.target;
        let (target, command) = match argument.strip_prefix("-- ") {
            Some(_) => (String::new(), format!(" {argument}")),
            None if argument.is_empty() => (String::new(), String::new()),
            None => (format!(" {argument}"), String::new()),
        };
        let folder = quoted(&self.arguments.output.display().to_string());
        let more = match finding.class.split('/').nth(2) {
            Some("memory") => format!(" --max-memory {}", self.arguments.max_memory),
            Some("hang") => format!(" --timeout {}s", self.arguments.timeout.as_secs_f64()),
            _ if !finding.level.is_binding() => " --strict".to_owned(),
            _ => String::new(),
        };
        format!(
            "siospec run --role codec{target} {} --cases {folder}{more}{command}",
            quoted(&id)
        )
    }
}

/// Whether a finding fails the campaign.
fn counts(finding: &Finding) -> bool {
    finding.fails && finding.known.is_none()
}

/// The first line of what may come from a target, made safe to print.
fn cut(text: &str) -> String {
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(400)
        .collect();
    let more = if line.len() < text.len() { "…" } else { "" };
    format!("{}{more}", safe(&line))
}

/// Tells what came of a campaign, and how the command ends.
pub(super) fn conclude(
    arguments: &FuzzCodec,
    seed: u64,
    result: &CampaignResult,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let seconds = result.fuzzing.as_secs_f64();
    writeln!(
        out,
        "{} runs in {seconds:.1} s, {:.0} runs/s, --seed {}",
        result.runs,
        speed(result),
        seed
    )?;
    let known = result
        .findings
        .iter()
        .filter(|found| found.known.is_some())
        .count();
    let new = result.failures();
    writeln!(
        out,
        "{} found: {new} fail the campaign, {known} known, {} lenient",
        plural(result.findings.len(), "class", "classes"),
        result.findings.len() - known - new
    )?;
    if !arguments.quiet {
        for found in &result.findings {
            writeln!(out, "{:>10} × {}", found.seen, found.class)?;
        }
        let free: u64 = result.freedoms.values().sum();
        if free > 0 {
            writeln!(
                out,
                "{} where codecs may differ (docs/fuzzing.md)",
                if free == 1 {
                    "1 difference".to_owned()
                } else {
                    format!("{free} differences")
                }
            )?;
        }
        for freedom in FREEDOMS
            .iter()
            .filter(|freedom| result.freedoms.contains_key(freedom.name))
        {
            let count = result.freedoms.get(freedom.name).copied().unwrap_or_default();
            writeln!(out, "{count:>10} × {}", freedom.name)?;
        }
        for class in &result.unseen {
            writeln!(out, "listed, and not seen this time: {class}")?;
        }
    }
    if result.findings.iter().any(|found| found.vector.is_some()) {
        writeln!(
            out,
            "the vectors of new classes are in {}",
            arguments.output.display()
        )?;
    }
    if let Some(why) = &result.stopped {
        let message = format!("the target could not be started again: {why}");
        out.flush()?;
        return Err(Failure::target(anyhow::Error::msg(message)));
    }
    if result.runs == result.unsupported && !result.interrupted {
        let message = match result.runs {
            0 => {
                "no input was tried: the driver has none of the codecs that were asked for, or no time or run was given"
            }
            _ => {
                "nothing was compared: the driver answers `unsupported` to every request, `siospec driver check` says what it misses"
            }
        };
        out.flush()?;
        return Err(Failure::nothing(message.to_owned()));
    }
    Ok(match result {
        _ if result.interrupted => Exit::Interrupted,
        _ if new > 0 => Exit::Gate,
        _ => Exit::Success,
    })
}

/// Runs per second.
pub(super) fn speed(result: &CampaignResult) -> f64 {
    result.runs as f64 / result.fuzzing.as_secs_f64().max(f64::EPSILON)
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A line on standard error that says how far a campaign is. Hidden where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        let target = if wanted {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            began: Instant::now(),
        }
    }

    pub(super) fn handle(&mut self, event: &CampaignEvent<'_>) {
        match event {
            CampaignEvent::Progress { runs, classes } => {
                let elapsed = self.began.elapsed();
                let speed = *runs as f64 / elapsed.as_secs_f64().max(0.001);
                let classes = plural(*classes, "class", "classes");
                self.bar.set_message(format!(
                    "{runs} runs, {speed:.0} runs/s, {classes} found, {}",
                    HumanDuration(elapsed)
                ));
            }
            CampaignEvent::Shrinking(class) => self.bar.set_message(format!("shrinking {class}")),
            CampaignEvent::Started { .. } | CampaignEvent::Found(_) => {}
        }
    }

    /// Does something that writes to the terminal, with the line out of the way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
