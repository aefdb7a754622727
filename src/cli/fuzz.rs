//! `siospec fuzz`: campaigns on targets of any language.

use super::exit::{Exit, Failure};
use super::findings::Findings;
use super::interruptions::Interruptions;
use super::output::Output;
use super::run::{codec as codec_target, duration, not_started};
use super::selecting::load;
use super::target_argument;
use crate::campaign::{CampaignEvent, CampaignResult, FREEDOMS, Finding, Settings, fuzz_codec, speed_alone};
use crate::suite::{Codec, Corpus, load_builtin};
use crate::target::{CodecTarget, Limits, quoted};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long what is left of a campaign may take to go after its end.
const FAREWELL: Duration = Duration::from_secs(2);

const AFTER_HELP: &str = "\
Targets:
  (none)                  the codec of the reference, which is part of siospec
  targets/NAME            a folder with a target.toml that has a [codec]
  -- COMMAND              a command that starts a driver, see docs/driver.md

Everything follows from the seed: the same seed and --runs find the same. Findings are sorted into
classes; of each class the smallest input is written as a vector, which `siospec run` plays again.
Classes that a target is known for stand in its target.toml as [[fuzz]] and do not fail a campaign.

Examples:
  siospec fuzz codec targets/socket.io-parser --time 10m
  siospec fuzz codec --seed 1 --runs 100000 -- python3 driver.py
  siospec run --role codec targets/socket.io-parser --cases fuzz-findings";

/// The commands of `siospec fuzz`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Fuzz {
    /// Compare a codec with the reference on inputs that are made up, and watch it survive them
    Codec(Box<FuzzCodec>),
}

/// The arguments of `siospec fuzz codec`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct FuzzCodec {
    /// The target
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// A command that starts a driver
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// What all inputs follow from; another one each time if it is left out
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many inputs at most
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// How long at most; 60s where --runs is not given either
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Only this codec: engine-packet, engine-payload or socket-packet
    #[arg(long = "codec", value_name = "CODEC", value_parser = codec_word, value_delimiter = ',')]
    codecs: Vec<Codec>,
    /// Where the vectors of findings are written
    #[arg(short, long, value_name = "DIR", default_value = "fuzz-findings")]
    output: PathBuf,
    /// Start from the vectors of this folder as well
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Differences that break no binding rule fail the campaign too
    #[arg(long)]
    strict: bool,
    /// How long a batch of inputs may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    timeout: Duration,
    /// How long the target may take to start
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    start_timeout: Duration,
    /// How much memory the target may use
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    max_memory: u64,
    /// Measure in the end how fast the codec is alone, in a loop in its own process
    #[arg(long)]
    speed: bool,
    /// Only findings that fail the campaign, and its end
    #[arg(short, long)]
    quiet: bool,
}

fn codec_word(word: &str) -> Result<Codec, String> {
    let found = Codec::ALL.into_iter().find(|codec| codec.word() == word);
    found.ok_or_else(|| format!("expected {}", Codec::ALL.map(Codec::word).join(", ")))
}

/// Fuzzes a codec.
pub(super) fn codec(arguments: &FuzzCodec, out: &mut Output) -> Result<Exit, Failure> {
    let words: Vec<String> = arguments.target.iter().cloned().collect();
    let (named, rest) = target_argument::read(&words, &arguments.command).map_err(Failure::usage)?;
    if let Some(word) = rest.first() {
        let message =
            format!("`{word}` is no target: expected a folder with a target.toml, or a command after `--`");
        return Err(Failure::usage(anyhow::Error::msg(message)));
    }
    let limits = Limits {
        start: arguments.start_timeout,
        memory: arguments.max_memory.saturating_mul(1 << 20),
        ..Limits::default()
    };
    let target = codec_target(named)?.with_limits(limits, arguments.timeout);
    let mut corpus = load_builtin();
    if let Some(folder) = &arguments.cases {
        let mut own = load(Some(folder))?;
        corpus.vectors.append(&mut own.vectors);
        corpus.rules = own.rules;
    }
    let findings = Findings::open(&arguments.output)?;
    let seed = arguments.seed.unwrap_or_else(fresh_seed);
    let settings = Settings {
        seed,
        runs: arguments.runs,
        time: arguments
            .time
            .or(arguments.runs.is_none().then_some(Duration::from_secs(60))),
        codecs: if arguments.codecs.is_empty() {
            Codec::ALL.to_vec()
        } else {
            arguments.codecs.clone()
        },
        strict: arguments.strict,
        patience: arguments.timeout,
    };
    let campaign = Campaign {
        arguments,
        target,
        corpus,
        settings,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(campaign.play(findings, out));
    let alone = match &result {
        Ok(result) if arguments.speed && !result.interrupted => {
            Some(runtime.block_on(campaign.speed_alone()))
        }
        _ => None,
    };
    runtime.shutdown_timeout(FAREWELL);
    let result = result?;
    let exit = conclude(arguments, &campaign.settings, &result, out)?;
    match alone {
        Some(Some(alone)) => {
            let share = 100.0 * speed(&result) / alone;
            writeln!(
                out,
                "the codec alone does {alone:.0} runs/s: the campaign reached {share:.0} % of it"
            )?;
        }
        Some(None) => writeln!(
            out,
            "the codec alone cannot be measured: its driver repeats nothing"
        )?,
        None => {}
    }
    Ok(exit)
}

/// A seed that nobody had before; it is short enough to be typed.
fn fresh_seed() -> u64 {
    let nanos = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos());
    u64::try_from(nanos / 1000 % 1_000_000_007).unwrap_or_default()
}

struct Campaign<'a> {
    arguments: &'a FuzzCodec,
    target: CodecTarget,
    corpus: Corpus,
    settings: Settings,
}

impl Campaign<'_> {
    /// The first interruption ends the campaign in order, the second one at once.
    async fn play(&self, mut findings: Findings, out: &mut Output) -> Result<CampaignResult, Failure> {
        let (interrupt, interrupted) = watch::channel(false);
        let mut progress = Progress::new(!self.arguments.quiet);
        let mut written = Ok(());
        let result = {
            let mut listener = |event: CampaignEvent<'_>| {
                progress.handle(&event);
                if let CampaignEvent::Found(finding) = &event {
                    findings.add(finding);
                }
                if written.is_ok() {
                    written = progress.aside(|| self.show(&event, out));
                }
            };
            let playing = fuzz_codec(
                &self.target,
                &self.corpus.rules,
                &self.corpus.vectors,
                &self.settings,
                interrupted,
                &mut listener,
            );
            let mut interruptions = Interruptions::listen()?;
            tokio::pin!(playing);
            loop {
                tokio::select! {
                    played = &mut playing => break played.map_err(not_started)?,
                    () = interruptions.next() => {
                        if interrupt.send_replace(true) {
                            return Err(Failure { exit: Exit::Interrupted, error: anyhow::anyhow!("interrupted twice") });
                        }
                    }
                }
            }
        };
        drop(progress);
        written?;
        findings.close()?;
        Ok(result)
    }

    async fn speed_alone(&self) -> Option<f64> {
        speed_alone(
            &self.target,
            &self.corpus.vectors,
            self.settings.seed,
            &self.settings.codecs,
        )
        .await
    }

    fn show(&self, event: &CampaignEvent<'_>, out: &mut Output) -> std::io::Result<()> {
        match event {
            CampaignEvent::Started { target, codecs } => {
                let codecs: Vec<&str> = codecs.iter().map(|codec| codec.word()).collect();
                writeln!(
                    out,
                    "fuzzing {} of {} {} with --seed {}",
                    codecs.join(", "),
                    target.name,
                    target.version,
                    self.settings.seed
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
            .corpus
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
        let argument = self.target.info().argument.as_str();
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

fn cut(text: &str) -> String {
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(400)
        .collect();
    if line.len() < text.len() {
        format!("{line}…")
    } else {
        line
    }
}

fn conclude(
    arguments: &FuzzCodec,
    settings: &Settings,
    result: &CampaignResult,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let seconds = result.fuzzing.as_secs_f64();
    writeln!(
        out,
        "{} runs in {seconds:.1} s, {:.0} runs/s, --seed {}",
        result.runs,
        speed(result),
        settings.seed
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
                "{free} differences where codecs may differ (docs/fuzzing.md)"
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
    Ok(match result {
        _ if result.interrupted => Exit::Interrupted,
        _ if new > 0 => Exit::Gate,
        _ => Exit::Success,
    })
}

/// Runs per second.
fn speed(result: &CampaignResult) -> f64 {
    result.runs as f64 / result.fuzzing.as_secs_f64().max(f64::EPSILON)
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A line on standard error that says how far a campaign is. Hidden where that is no terminal.
struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    fn new(wanted: bool) -> Self {
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

    fn handle(&mut self, event: &CampaignEvent<'_>) {
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
    fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
