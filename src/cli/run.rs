//! `siospec run`: tests a target.

use super::exit::{Exit, Failure};
use super::interruptions::Interruptions;
use super::output::Output;
use super::reports::{Form, Reports, annotate};
use super::selecting::Selecting;
use super::target_argument::{self, Named};
use crate::notation::Role;
use crate::outcome::{Gate, RunEvent, RunResult};
use crate::report::terminal::{Detail, Terminal};
use crate::run::{Options, Progress, Strictness};
use crate::suite::{Corpus, Trial, Vector, baselines};
use crate::target::{
    ClientTarget, CodecTarget, KnownEntry, Limits, Manifest, StartError, Target, faults as server_faults,
    load_known,
};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long what is left of a run may take to go after its end.
const FAREWELL: Duration = Duration::from_secs(2);

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
pub(super) struct Run {
    /// The target, then patterns of cases
    #[arg(value_name = "TARGET|PATTERN")]
    words: Vec<String>,
    /// A command that starts the target
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    playing: Playing,
    #[command(flatten)]
    judging: Judging,
    #[command(flatten)]
    showing: Showing,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How they are played")]
struct Playing {
    /// Play cases that may end or burden the target, also on one that siospec did not start
    #[arg(long)]
    hazards: bool,
    /// Start the built-in reference with a deliberate fault
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// Skip cases that would wait longer for timers
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    max_wait: Duration,
    /// Give a case up after this time, besides the timers that it waits for
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    /// How long a target that siospec starts may take to answer
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    start_timeout: Duration,
    /// How many cases are played side by side
    #[arg(short, long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: u16,
    /// The connect timeout of the target in milliseconds, 0 for none
    #[arg(long, value_name = "MS")]
    connect_timeout: Option<f64>,
    /// How much memory a target that siospec starts may use
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    max_memory: u64,
    /// Accept any TLS certificate
    #[arg(long)]
    insecure: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How they are judged")]
struct Judging {
    /// A list of known failures, besides the target's own
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Lenient and flaky cases and deviations fail the gate too
    #[arg(long)]
    strict: bool,
    /// Skipped cases fail the gate too
    #[arg(long)]
    no_skips: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
struct Showing {
    /// Write the result as JSON, from which all other reports can be made
    #[arg(long, value_name = "PATH")]
    report_json: Option<PathBuf>,
    /// Write the result as JUnit XML
    #[arg(long, value_name = "PATH")]
    report_junit: Option<PathBuf>,
    /// Write the result as an HTML page, which needs no network
    #[arg(long, value_name = "PATH")]
    report_html: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "PATH")]
    report_markdown: Option<PathBuf>,
    /// Write the JSON of a shields endpoint badge
    #[arg(long, value_name = "PATH")]
    report_badge: Option<PathBuf>,
    /// Only failures, in a line each, and the gate
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Every case in a line, and transcripts of failures
    #[arg(short, long)]
    verbose: bool,
    /// The slowest cases at the end
    #[arg(long)]
    slow: bool,
}

impl Showing {
    /// Opens the reports of results of these roles. JSON and a badge are of one result: the first has the path itself, the
    /// others have their role in the name.
    fn open(&self, roles: &[Role]) -> anyhow::Result<Reports> {
        let mut reports = Reports::default();
        for (index, role) in roles.iter().enumerate() {
            let named = |path: &Option<PathBuf>| {
                let path = path.as_deref()?;
                Some(if index == 0 {
                    path.to_owned()
                } else {
                    with_role(path, *role)
                })
            };
            reports.add(Form::Json(index), named(&self.report_json).as_deref())?;
            reports.add(Form::Badge(index), named(&self.report_badge).as_deref())?;
        }
        reports.add(Form::Junit, self.report_junit.as_deref())?;
        reports.add(Form::Html, self.report_html.as_deref())?;
        reports.add(Form::Markdown, self.report_markdown.as_deref())?;
        Ok(reports)
    }
}

impl Run {
    /// Whether lenient trials count.
    pub(super) fn is_strict(&self) -> bool {
        self.judging.strict
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

/// `out.json` as `out-client.json`; standard output stays what it is.
fn with_role(path: &Path, role: Role) -> PathBuf {
    if path == Path::new("-") {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(ending) => format!("{stem}-{}.{}", role.word(), ending.to_string_lossy()),
        None => format!("{stem}-{}", role.word()),
    };
    path.with_file_name(name)
}

/// Tests a target in each of its roles, shows and writes what came out.
pub(super) fn run(arguments: &Run, out: &mut Output) -> Result<Exit, Failure> {
    let prepared = Prepared::of(arguments)?;
    let roles: Vec<Role> = prepared.iter().map(|prepared| prepared.role).collect();
    let reports = arguments.showing.open(&roles).map_err(Failure::usage)?;
    let mut nowhere = Output::new(anstream::ColorChoice::Never).silenced();
    let mut results = Vec::new();
    for prepared in prepared {
        let shown = if reports.take_stdout() {
            &mut nowhere
        } else {
            &mut *out
        };
        if !results.is_empty() && !arguments.showing.quiet {
            writeln!(shown)?;
        }
        let result = prepared.play(shown)?;
        let interrupted = result.interrupted;
        results.push(result);
        if interrupted {
            break;
        }
    }
    reports.write(&results, out)?;
    annotate(&results)?;
    Ok(if results.iter().any(|result| result.interrupted) {
        Exit::Interrupted
    } else if results.iter().any(|result| result.gate == Gate::Fail) {
        Exit::Gate
    } else {
        Exit::Success
    })
}

/// A run whose arguments were understood and whose files were read.
pub(super) struct Prepared {
    role: Role,
    plan: Plan,
    corpus: Arc<Corpus>,
    options: Options,
    detail: Detail,
}

/// What is played on what.
enum Plan {
    Trials(Arc<Target>, Vec<Trial>),
    Vectors(Arc<CodecTarget>, Vec<Arc<Vector>>),
}

impl Prepared {
    /// Understands the arguments and reads the files: a run for each role that is tested, at least one.
    pub(super) fn of(arguments: &Run) -> Result<Vec<Self>, Failure> {
        let (named, patterns) =
            target_argument::read(&arguments.words, &arguments.command).map_err(Failure::usage)?;
        let mut selecting = arguments.selecting.clone();
        selecting.role = role_of(&named, &arguments.playing, selecting.role)?;
        if selecting.role == Some(Role::Codec) {
            let target = codec_target(named, &arguments.playing)?;
            let (corpus, vectors) = selecting.select_vectors(&patterns)?;
            let known = target.known().to_vec();
            let plan = Plan::Vectors(Arc::new(target), vectors);
            return Ok(vec![Self::with_plan(
                arguments,
                &patterns,
                Role::Codec,
                plan,
                Arc::new(corpus),
                known,
            )?]);
        }
        let (corpus, trials) = selecting.select(&patterns)?;
        let corpus = Arc::new(corpus);
        let (servers, clients): (Vec<Trial>, Vec<Trial>) = trials
            .into_iter()
            .partition(|trial| trial.case.header.role == Role::Server);
        let mut prepared = Vec::new();
        for (role, trials) in [(Role::Server, servers), (Role::Client, clients)] {
            if trials.is_empty() {
                continue;
            }
            let target = if role == Role::Server {
                target(named.clone(), &arguments.playing)?
            } else {
                client_target(named.clone(), &arguments.playing)?
            };
            let known = target.known().to_vec();
            let plan = Plan::Trials(Arc::new(target), trials);
            prepared.push(Self::with_plan(
                arguments,
                &patterns,
                role,
                plan,
                Arc::clone(&corpus),
                known,
            )?);
        }
        Ok(prepared)
    }

    /// The same, for what can only be done in one role.
    pub(super) fn one(arguments: &Run) -> Result<Self, Failure> {
        let mut prepared = Self::of(arguments)?;
        match (prepared.pop(), prepared.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(Failure::usage(anyhow::anyhow!(
                "these are cases of servers and of clients: name one with --role"
            ))),
        }
    }

    fn with_plan(
        arguments: &Run,
        patterns: &[String],
        role: Role,
        plan: Plan,
        corpus: Arc<Corpus>,
        mut known: Vec<KnownEntry>,
    ) -> Result<Self, Failure> {
        let baselines = match &plan {
            Plan::Trials(_, trials) => baselines(trials),
            Plan::Vectors(..) => BTreeMap::new(),
        };
        for file in &arguments.judging.known {
            known.append(&mut load_known(file).map_err(Failure::usage)?);
        }
        let whole = arguments.selecting.is_whole(patterns);
        let options = Options {
            role: role.word().to_owned(),
            jobs: usize::from(arguments.playing.jobs),
            max_wait: arguments.playing.max_wait,
            timeout: arguments.playing.timeout,
            hazards: arguments.playing.hazards,
            insecure: arguments.playing.insecure,
            strictness: Strictness {
                strict: arguments.judging.strict,
                no_skips: arguments.judging.no_skips,
            },
            known,
            elsewhere: whole.then(|| elsewhere(&corpus, role)),
            cases: arguments
                .selecting
                .cases
                .as_ref()
                .map(|path| path.display().to_string()),
            partition: arguments
                .selecting
                .partition
                .map(|partition| partition.to_string()),
            recheck: true,
            baselines,
        };
        let detail = Detail {
            quiet: arguments.showing.quiet,
            verbose: arguments.showing.verbose,
            strict: arguments.judging.strict,
            slow: arguments.showing.slow,
        };
        Ok(Self {
            role,
            plan,
            corpus,
            options,
            detail,
        })
    }

    /// The target, if it is a server.
    pub(super) fn server(&self) -> Option<&Target> {
        match &self.plan {
            Plan::Trials(target, _) if self.role == Role::Server => Some(target),
            Plan::Trials(..) | Plan::Vectors(..) => None,
        }
    }

    /// Without any list of known failures.
    pub(super) fn without_known(mut self) -> Self {
        self.options.known.clear();
        self
    }

    /// Plays, and shows what happens on standard output.
    pub(super) fn play(self, out: &mut Output) -> Result<RunResult, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let played = runtime.block_on(self.play_until_told(out));
        runtime.shutdown_timeout(FAREWELL);
        played
    }

    /// The first interruption ends the run in order, the second one at once.
    async fn play_until_told(self, out: &mut Output) -> Result<RunResult, Failure> {
        let (interrupt, interrupted) = watch::channel(false);
        let mut terminal = Terminal::new(out, self.detail);
        let mut progress = Progress::new(!self.detail.quiet);
        let mut written = Ok(());
        let result = {
            let mut listener = |event: RunEvent| {
                progress.handle(&event);
                // Nothing is shown of a trial's beginning but by the bar itself.
                if written.is_ok() && !matches!(event, RunEvent::TrialStarted { .. }) {
                    written = progress.aside(|| terminal.handle(&event));
                }
            };
            let (rules, options) = (&self.corpus.rules, &self.options);
            let plan = self.plan;
            let playing = async {
                match plan {
                    Plan::Trials(target, trials) => {
                        crate::run::run(target, rules, trials, options, interrupted, &mut listener).await
                    }
                    Plan::Vectors(target, vectors) => {
                        crate::run::run_vectors(&target, rules, &vectors, options, interrupted, &mut listener)
                            .await
                    }
                }
            };
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
        let finished = RunEvent::Finished(Box::new(result));
        progress.handle(&finished);
        written.and_then(|()| terminal.handle(&finished))?;
        match finished {
            RunEvent::Finished(result) => Ok(*result),
            _ => unreachable!("it was made above"),
        }
    }
}

/// Whom to test where nobody says: what a manifest has, and of the reference what the fault or nothing else decides.
fn role_of(named: &Named, playing: &Playing, asked: Option<Role>) -> Result<Option<Role>, Failure> {
    if asked.is_some() {
        return Ok(asked);
    }
    Ok(match named {
        Named::Builtin => match &playing.fault {
            // A name that both have means the server's.
            Some(fault) if server_faults().any(|known| known.name == fault) => Some(Role::Server),
            Some(_) => Some(Role::Client),
            None => None,
        },
        Named::Url(_) | Named::Command(_) => Some(Role::Server),
        Named::Manifest(path, argument) => {
            let manifest = Manifest::load(path).map_err(Failure::usage)?;
            Some(match (&manifest.server, &manifest.client, &manifest.codec) {
                (Some(_), ..) => Role::Server,
                (None, Some(_), _) => Role::Client,
                (None, None, Some(_)) => Role::Codec,
                (None, None, None) => {
                    return Err(Failure::usage(anyhow::anyhow!(
                        "{argument} has no [server], [client] or [codec]"
                    )));
                }
            })
        }
    })
}

fn target(named: Named, playing: &Playing) -> Result<Target, Failure> {
    if playing.fault.is_some() && named != Named::Builtin {
        return Err(Failure::usage(anyhow::anyhow!(
            "--fault is for the built-in reference: leave the target out"
        )));
    }
    let target = match named {
        Named::Builtin => Target::builtin(playing.fault.as_deref()).map_err(Failure::usage)?,
        Named::Url(url) => Target::url(&url, playing.insecure).map_err(Failure::usage)?,
        Named::Command(command) => Target::command(command),
        Named::Manifest(path, argument) => {
            let manifest = Manifest::load(&path).map_err(Failure::usage)?;
            let no_server = || Failure::usage(anyhow::anyhow!("{argument} has no [server]"));
            Target::manifest(manifest, &argument).ok_or_else(no_server)?
        }
    };
    Ok(target
        .with_limits(limits(playing))
        .with_connect_timeout(playing.connect_timeout))
}

fn client_target(named: Named, playing: &Playing) -> Result<Target, Failure> {
    if playing.fault.is_some() && named != Named::Builtin {
        return Err(Failure::usage(anyhow::anyhow!(
            "--fault is for the built-in reference: leave the target out"
        )));
    }
    let client = match named {
        Named::Builtin => ClientTarget::reference(playing.fault.as_deref()).map_err(Failure::usage)?,
        Named::Command(command) => ClientTarget::command(command),
        Named::Url(url) => {
            return Err(Failure::usage(anyhow::anyhow!(
                "{url} is no client: expected a folder with a target.toml, or a command that starts a driver"
            )));
        }
        Named::Manifest(path, argument) => {
            let manifest = Manifest::load(&path).map_err(Failure::usage)?;
            let no_client = || Failure::usage(anyhow::anyhow!("{argument} has no [client]"));
            ClientTarget::manifest(manifest, &argument).ok_or_else(no_client)?
        }
    };
    Ok(Target::client(client)
        .with_limits(limits(playing))
        .with_patience(playing.timeout))
}

fn codec_target(named: Named, playing: &Playing) -> Result<CodecTarget, Failure> {
    if playing.fault.is_some() {
        return Err(Failure::usage(anyhow::anyhow!(
            "--fault is for the built-in server: leave it out"
        )));
    }
    Ok(codec(named)?.with_limits(limits(playing), playing.timeout))
}

/// The codec that was named.
pub(super) fn codec(named: Named) -> Result<CodecTarget, Failure> {
    Ok(match named {
        Named::Builtin => CodecTarget::builtin(),
        Named::Command(command) => CodecTarget::command(command),
        Named::Url(url) => {
            return Err(Failure::usage(anyhow::anyhow!(
                "{url} is no codec: expected a folder with a target.toml, or a command that starts a driver"
            )));
        }
        Named::Manifest(path, argument) => {
            let manifest = Manifest::load(&path).map_err(Failure::usage)?;
            let no_codec = || Failure::usage(anyhow::anyhow!("{argument} has no [codec]"));
            CodecTarget::manifest(manifest, &argument).ok_or_else(no_codec)?
        }
    })
}

fn limits(playing: &Playing) -> Limits {
    Limits {
        start: playing.start_timeout,
        memory: playing.max_memory.saturating_mul(1 << 20),
        ..Limits::default()
    }
}

/// The ids of the cases and vectors of other roles.
fn elsewhere(corpus: &Corpus, role: Role) -> Vec<String> {
    let others = corpus.cases.iter().filter(|case| case.case.header.role != role);
    let vectors = corpus.vectors.iter().filter(|_| role != Role::Codec);
    let others = others.map(|case| case.id.clone());
    others.chain(vectors.map(|vector| vector.id.clone())).collect()
}

pub(super) fn not_started(error: StartError) -> Failure {
    Failure::target(anyhow::Error::new(error).context("the target could not be started"))
}

/// `500ms`, `10s`, `2m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
