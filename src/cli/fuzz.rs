//! `siospec fuzz`: campaigns on targets of any language.

use super::campaign_output::{Progress, Telling, conclude, speed};
use super::exit::{Exit, Failure};
use super::findings::Findings;
use super::interruptions::heeding;
use super::output::Output;
use super::run::{Subject, duration};
use super::selecting::load;
use super::target_argument;
use crate::campaign::{CampaignEvent, CampaignResult, Settings, fuzz_codec, speed_alone};
use crate::suite::{Codec, Corpus, load_builtin};
use crate::target::{CodecTarget, Limits};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
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
    pub(super) output: PathBuf,
    /// Start from the vectors of this folder as well
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Differences that break no binding rule fail the campaign too
    #[arg(long)]
    strict: bool,
    /// How long a batch of inputs may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(super) timeout: Duration,
    /// How long the target may take to start
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    start_timeout: Duration,
    /// How much memory the target may use
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub(super) max_memory: u64,
    /// Measure in the end how fast the codec is alone, in a loop in its own process
    #[arg(long)]
    speed: bool,
    /// Only findings that fail the campaign, and its end
    #[arg(short, long)]
    pub(super) quiet: bool,
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
    let target = Subject::read(named)?
        .codec()?
        .with_limits(limits, arguments.timeout);
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
            .or_else(|| arguments.runs.is_none().then_some(Duration::from_secs(60))),
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
    let exit = conclude(arguments, seed, &result, out)?;
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
        let telling = Telling {
            arguments: self.arguments,
            target: &self.target.info().argument,
            rules: &self.corpus.rules,
            seed: self.settings.seed,
        };
        let mut written = Ok(());
        let result = {
            let mut listener = |event: CampaignEvent<'_>| {
                progress.handle(&event);
                if let CampaignEvent::Found(finding) = &event {
                    findings.add(finding);
                }
                if written.is_ok() {
                    written = progress.aside(|| telling.show(&event, out));
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
            heeding(playing, &interrupt).await?
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
}
