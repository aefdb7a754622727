//! A run whose arguments were understood and whose files were read, and how it is played.

use super::arguments::Run;
use super::subject::Subject;
use crate::cli::exit::Failure;
use crate::cli::interruptions::heeding;
use crate::cli::output::Output;
use crate::cli::target_argument;
use crate::notation::Role;
use crate::outcome::{RunEvent, RunResult};
use crate::report::terminal::{Detail, Terminal};
use crate::run::{Options, Progress, Strictness};
use crate::suite::{Corpus, Trial, Vector, baselines};
use crate::target::{CodecTarget, KnownEntry, StartError, Target, load_known};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long what is left of a run may take to go after its end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A run whose arguments were understood and whose files were read.
pub(in crate::cli) struct Prepared {
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
        let subject = Subject::read(named)?;
        let mut selecting = arguments.selecting.clone();
        if selecting.role.is_none() {
            selecting.role = subject.role(arguments.playing.fault.as_deref())?;
        }
        if selecting.role == Some(Role::Codec) {
            let target = subject.vectors(&arguments.playing)?;
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
                subject.server(&arguments.playing)?
            } else {
                subject.client(&arguments.playing)?
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
    pub(in crate::cli) fn one(arguments: &Run) -> Result<Self, Failure> {
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
        let jobs = usize::from(arguments.playing.jobs);
        let most = match &plan {
            Plan::Trials(target, _) => target.jobs(),
            Plan::Vectors(..) => None,
        };
        let whole = arguments.selecting.is_whole(patterns);
        let options = Options {
            jobs: most.map_or(jobs, |most| jobs.min(most)),
            max_wait: arguments.playing.max_wait,
            timeout: arguments.playing.timeout,
            hazards: arguments.playing.hazards,
            insecure: arguments.playing.insecure,
            strictness: Strictness {
                strict: arguments.is_strict(),
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
            baselines,
            ..Options::new(role.word())
        };
        let detail = Detail {
            quiet: arguments.showing.quiet,
            verbose: arguments.showing.verbose,
            strict: arguments.is_strict(),
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

    /// Whom it tests.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// The target, if it is a server.
    pub(in crate::cli) fn server(&self) -> Option<&Target> {
        match &self.plan {
            Plan::Trials(target, _) if self.role == Role::Server => Some(target),
            Plan::Trials(..) | Plan::Vectors(..) => None,
        }
    }

    /// Without any list of known failures.
    pub(in crate::cli) fn without_known(mut self) -> Self {
        self.options.known.clear();
        self
    }

    /// Plays, and shows what happens on standard output.
    pub(in crate::cli) fn play(self, out: &mut Output) -> Result<RunResult, Failure> {
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
            heeding(playing, &interrupt).await?
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

/// The ids of the cases and vectors of other roles.
fn elsewhere(corpus: &Corpus, role: Role) -> Vec<String> {
    let others = corpus.cases.iter().filter(|case| case.case.header.role != role);
    let vectors = corpus.vectors.iter().filter(|_| role != Role::Codec);
    let others = others.map(|case| case.id.clone());
    others.chain(vectors.map(|vector| vector.id.clone())).collect()
}

pub(in crate::cli) fn not_started(error: StartError) -> Failure {
    Failure::target(anyhow::Error::new(error).context("the target could not be started"))
}
