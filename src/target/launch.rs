//! A target that siospec starts itself: its port, its first answer, its output, its end.
//!
//! What becomes of its processes is `group`'s.

use super::answer::{self, Answer, NoAnswer};
use super::group::{End, Group, Manner, watch_over};
use super::listener::{self, Owner};
use super::output::Output;
use super::port;
use crate::wire::Endpoint;
use process_wrap::tokio::{CommandWrap, KillOnDrop};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How often another port is tried when somebody else got hold of one first.
const PORT_ATTEMPTS: u32 = 3;
/// How many lines of a target's output a message shows.
const TAIL_LINES: usize = 20;
/// How long one question for readiness may take.
const QUESTION_PATIENCE: Duration = Duration::from_secs(2);
/// How long the output of an ended process may take to arrive.
const LAST_WORDS_PATIENCE: Duration = Duration::from_millis(500);

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The command and its arguments, at least one word.
    pub command: Vec<String>,
    /// Where it runs; a relative path of the command starts from there too.
    pub folder: PathBuf,
    /// Environment variables on top of siospec's own; `PORT` is added.
    pub env: BTreeMap<String, String>,
    /// The path that it serves Socket.IO at.
    pub path: String,
}

/// What is granted to a target.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may take until it answers.
    pub start: Duration,
    /// How long it may take to end when asked.
    pub grace: Duration,
    /// How many bytes of memory its processes may use together.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(15),
            grace: Duration::from_secs(2),
            memory: 2 << 30,
        }
    }
}

/// Why a target could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No port is free.
    #[error("no free port was found: {0}")]
    NoPort(std::io::Error),
    /// The command cannot be run.
    #[error("`{command}` cannot be run in {folder}: {source}")]
    Spawn {
        /// The command.
        command: String,
        /// Where it was to run.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It ended before it answered.
    #[error("`{command}` ended ({status}) before it answered on port {port}{tail}")]
    Ended {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The port it was given.
        port: u16,
        /// The last of its output.
        tail: String,
    },
    /// It never answered.
    #[error("`{command}` did not answer on port {port} within {} s: {reason}{hint}{tail}", .patience.as_secs_f64())]
    NoAnswer {
        /// The command.
        command: String,
        /// The port it was given.
        port: u16,
        /// How long it had.
        patience: Duration,
        /// What was seen last.
        reason: NoAnswer,
        /// What may be wrong.
        hint: String,
        /// The last of its output.
        tail: String,
    },
    /// Somebody else answers on its port.
    #[error(
        "port {port} is answered by {who}, which does not belong to `{command}`; a target must listen itself, on the port in PORT"
    )]
    Foreign {
        /// The command.
        command: String,
        /// The port it was given.
        port: u16,
        /// Who answers.
        who: String,
    },
}

/// A running target. Dropping it kills its process group.
#[derive(Debug)]
pub struct Process {
    /// Where it answers.
    pub endpoint: Endpoint,
    /// The process id, which is also that of the group.
    pub pid: u32,
    /// Its first answer.
    pub answer: Answer,
    end: watch::Receiver<Option<End>>,
    stop: Mutex<Option<oneshot::Sender<Manner>>>,
    output: Output,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Process {
    /// Starts a target on a free port, and waits until it answers HTTP there.
    ///
    /// # Errors
    /// Where it cannot be run, ends, does not answer in time, or somebody else answers in its place.
    pub async fn start(
        launch: &Launch,
        limits: Limits,
        client: &reqwest::Client,
    ) -> Result<Self, LaunchError> {
        let mut attempt = 1;
        loop {
            let port = port::free().map_err(LaunchError::NoPort)?;
            match Self::start_on(port, launch, limits, client).await {
                Err(LaunchError::Ended { .. }) if attempt < PORT_ATTEMPTS && is_taken(port).await => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn start_on(
        port: u16,
        launch: &Launch,
        limits: Limits,
        client: &reqwest::Client,
    ) -> Result<Self, LaunchError> {
        let mut process = Self::spawn(port, launch, limits)?;
        match process.wait_until_ready(port, launch, limits, client).await {
            Ok(answer) => {
                process.answer = answer;
                Ok(process)
            }
            Err(error) => {
                process.kill().await;
                Err(error)
            }
        }
    }

    fn spawn(port: u16, launch: &Launch, limits: Limits) -> Result<Self, LaunchError> {
        let failed = |source| LaunchError::Spawn {
            command: launch.command.join(" "),
            folder: launch.folder.clone(),
            source,
        };
        let mut command = CommandWrap::with_new(program_in(&launch.folder, &launch.command[0]), |command| {
            command
                .args(&launch.command[1..])
                .current_dir(&launch.folder)
                .envs(&launch.env)
                .env("PORT", port.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        });
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        command.wrap(KillOnDrop);
        let mut child = command.spawn().map_err(failed)?;
        let pid = child
            .id()
            .ok_or_else(|| failed(std::io::Error::other("it has no process id")))?;
        let output = Output::default();
        let stdout = child
            .stdout()
            .take()
            .map(|stream| tokio::spawn(output.clone().collect(stream)));
        let stderr = child
            .stderr()
            .take()
            .map(|stream| tokio::spawn(output.clone().collect(stream)));
        let readers = Mutex::new(stdout.into_iter().chain(stderr).collect());
        let (stop, stopped) = oneshot::channel();
        let (ended, end) = watch::channel(None);
        tokio::spawn(watch_over(Group(child), pid, limits, stopped, ended));
        let (host, path) = ("127.0.0.1".to_owned(), launch.path.clone());
        let endpoint = Endpoint {
            tls: false,
            host,
            port,
            path,
            insecure: false,
        };
        let stop = Mutex::new(Some(stop));
        Ok(Self {
            endpoint,
            pid,
            answer: Answer::default(),
            end,
            stop,
            output,
            readers,
        })
    }

    /// Asks until an HTTP answer comes, and it comes from this process group.
    async fn wait_until_ready(
        &self,
        port: u16,
        launch: &Launch,
        limits: Limits,
        client: &reqwest::Client,
    ) -> Result<Answer, LaunchError> {
        let command = launch.command.join(" ");
        let deadline = Instant::now() + limits.start;
        let mut pause = Duration::from_millis(10);
        loop {
            let patience = deadline
                .saturating_duration_since(Instant::now())
                .min(QUESTION_PATIENCE);
            let question = async {
                tokio::time::sleep(pause).await;
                answer::ask(client, &self.endpoint, patience).await
            };
            let reason = tokio::select! {
                end = self.ended() => {
                    let status = end.status();
                    return Err(LaunchError::Ended { command, status, port, tail: quoted(&self.last_words().await) });
                }
                answered = question => match answered {
                    Ok(answer) => return match listener::owner(port, self.pid) {
                        Owner::Other { pid } => Err(LaunchError::Foreign { command, port, who: who(pid) }),
                        Owner::Group | Owner::Unknown => Ok(answer),
                    },
                    Err(reason) => reason,
                },
            };
            if Instant::now() >= deadline {
                let (patience, hint, tail) = (limits.start, self.hint(port), quoted(&self.tail()));
                return Err(LaunchError::NoAnswer {
                    command,
                    port,
                    patience,
                    reason,
                    hint,
                    tail,
                });
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Waits for the end of the process, however it comes about.
    pub async fn ended(&self) -> End {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(End::Stopped),
            Err(_) => End::Stopped,
        }
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.end.borrow().clone()
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        self.output.tail(TAIL_LINES)
    }

    /// Asks the group to end, kills what is left of it after the grace, and waits until it is gone.
    pub async fn stop(&self) {
        self.take_down(Manner::Asked).await;
    }

    /// Kills the group, and waits until it is gone.
    pub async fn kill(&self) {
        self.take_down(Manner::Killed).await;
    }

    /// The same, after all that it wrote before its end was read.
    pub async fn last_words(&self) -> String {
        let readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        for mut reader in readers {
            // A process that left the group may hold the pipe open: then what came so far must do.
            if tokio::time::timeout(LAST_WORDS_PATIENCE, &mut reader)
                .await
                .is_err()
            {
                reader.abort();
            }
        }
        self.tail()
    }

    async fn take_down(&self, manner: Manner) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stop) = stop {
            let _already_ended = stop.send(manner);
        }
        self.ended().await;
    }

    fn hint(&self, port: u16) -> String {
        let ports = listener::ports_of(self.pid);
        if ports.is_empty() || ports.contains(&port) {
            return String::new();
        }
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        format!(
            "; it listens on port {} instead: does it read PORT?",
            ports.join(", ")
        )
    }
}

/// The program of a command that runs in `folder`. A relative path starts from there, on every system.
pub fn program_in(folder: &Path, program: &str) -> PathBuf {
    let program = Path::new(program);
    if program.is_relative() && program.components().count() > 1 {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        return folder.join(program);
    }
    program.to_owned()
}

/// The last lines of an output, introduced and indented.
fn quoted(tail: &str) -> String {
    if tail.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    let lines: String = tail.lines().map(|line| format!("\n  | {line}")).collect();
    format!("; the last of its output:{lines}")
}

async fn is_taken(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

fn who(pid: u32) -> String {
    let name = listener::process_name(pid).map_or_else(String::new, |name| format!(" ({name})"));
    format!("process {pid}{name}")
}
