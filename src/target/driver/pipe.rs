//! What goes to a driver and comes from it, one JSON object at a time; a driver in this process is spoken with like one
//! that is a process.
//!
//! A driver is trusted with nothing: lines, waits and memory are bounded.

use super::super::group::End;
use super::super::launch::{Launch, Limits, Process};
use super::error::{DriverError, introduced, rubbish};
use super::hello::Hello;
use super::lines::{LineError, Lines, read_json};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;

/// How long the end of a process that closed its output may take to be noticed.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// So many bytes may wait in a pipe that was widened: what Linux grants everybody.
#[cfg(target_os = "linux")]
const ROOM: usize = 1 << 20;

/// A driver that has introduced itself and knows what it does not know. Dropping it kills its process group.
#[derive(Debug)]
pub(in crate::target) struct Pipe {
    /// What it said of itself.
    pub(in crate::target) hello: Hello,
    /// What comes from it.
    pub(in crate::target) reader: Reader,
    /// What goes to it.
    pub(in crate::target) writer: Writer,
    /// The id of the last request.
    last_id: u64,
    /// The id of the last answer that was taken.
    answered: u64,
    /// Answers that came while a request was sent.
    early: VecDeque<Result<String, DriverError>>,
    patience: Duration,
}

/// What comes from a driver.
#[derive(Debug)]
pub(in crate::target) enum Reader {
    /// The lines of a process.
    Process {
        /// Its standard output.
        lines: Lines,
        /// The process, which lives as long as this.
        process: Arc<Process>,
    },
    /// Messages of a driver in this process.
    InProcess(mpsc::Receiver<Value>),
}

/// What goes to a driver.
#[derive(Debug)]
pub(in crate::target) enum Writer {
    /// The standard input of a process.
    Process {
        /// Its standard input.
        stdin: ChildStdin,
    },
    /// Messages for a driver in this process.
    InProcess(mpsc::Sender<Value>),
}

/// The ends of a driver in this process: what is sent is a request, what is received first is its hello. It ends when
/// the sender is dropped.
pub(in crate::target) type InProcess = (mpsc::Sender<Value>, mpsc::Receiver<Value>);

/// A message of a driver.
#[derive(Debug)]
pub(in crate::target) struct Received {
    /// The JSON object.
    pub(in crate::target) value: Value,
    /// How long its line was, in bytes; 0 where there was none.
    pub(in crate::target) size: usize,
}

impl Pipe {
    /// Starts a process, hears its hello, and sees that it owns up to a command that it cannot know.
    ///
    /// # Errors
    /// Where it cannot be run or does not speak the protocol.
    pub(in crate::target) async fn start(
        launch: &Launch,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, DriverError> {
        let (process, stdin, stdout) = Process::drive(launch, limits)?;
        let (process, lines) = (Arc::new(process), Lines::new(stdout));
        let reader = Reader::Process { lines, process };
        Self::greeted(reader, Writer::Process { stdin }, limits.start, patience).await
    }

    /// The same with a driver in this process.
    ///
    /// # Errors
    /// Where it does not speak the protocol.
    pub(in crate::target) async fn in_process(
        ends: InProcess,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, DriverError> {
        let (requests, messages) = ends;
        let (reader, writer) = (Reader::InProcess(messages), Writer::InProcess(requests));
        Self::greeted(reader, writer, limits.start, patience).await
    }

    /// Has more room in what lies between both, as far as the system grants it: for much that is sent and answered at once.
    pub(in crate::target) fn widen(&self) {
        #[cfg(target_os = "linux")]
        if let (Writer::Process { stdin }, Reader::Process { lines, .. }) = (&self.writer, &self.reader) {
            let _less_is_slower = rustix::pipe::fcntl_setpipe_size(stdin, ROOM);
            let _less_is_slower = rustix::pipe::fcntl_setpipe_size(lines.stdout(), ROOM);
        }
    }

    async fn greeted(
        reader: Reader,
        writer: Writer,
        start: Duration,
        patience: Duration,
    ) -> Result<Self, DriverError> {
        let mut pipe = Self {
            hello: Hello::default(),
            reader,
            writer,
            last_id: 0,
            answered: 0,
            early: VecDeque::new(),
            patience,
        };
        match pipe.greet(start).await {
            Ok(()) => Ok(pipe),
            Err(error) => {
                pipe.reader.kill().await;
                Err(error)
            }
        }
    }

    async fn greet(&mut self, patience: Duration) -> Result<(), DriverError> {
        let Ok(hello) = tokio::time::timeout(patience, self.reader.next("hello")).await else {
            return Err(self.reader.silent(patience));
        };
        self.hello = Hello::read(&hello?.value)?;
        // Nobody can have prepared for the number of this process.
        let nonsense = format!("siospec-{}", std::process::id());
        match self.exchange(json!({ "do": nonsense })).await {
            Err(DriverError::Unsupported(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(answer) => {
                let why = format!(
                    "nobody knows the command `{nonsense}`, expected {{\"id\":…,\"unsupported\":\"why\"}}"
                );
                Err(rubbish(&answer.to_string(), "answer to an unknown command", why))
            }
        }
    }

    /// Sends a request, to which an id is given, and takes its answer, which must be the next message.
    ///
    /// # Errors
    /// Where no proper answer comes. The driver is of no further use then, unless it is only `Unsupported`.
    pub(in crate::target) async fn exchange(&mut self, request: Value) -> Result<Value, DriverError> {
        self.exchange_with(request, &[]).await
    }

    /// The same for a request with raw bytes behind it.
    ///
    /// # Errors
    /// Where no proper answer comes.
    pub(in crate::target) async fn exchange_with(
        &mut self,
        mut request: Value,
        raw: &[u8],
    ) -> Result<Value, DriverError> {
        self.last_id += 1;
        request["id"] = json!(self.last_id);
        let both = async { tokio::join!(self.writer.send(request, raw), self.reader.next("answer")).1 };
        let Ok(answer) = tokio::time::timeout(self.patience, both).await else {
            return Err(self.reader.silent(self.patience));
        };
        self.answered += 1;
        checked(answer?.value, self.answered)
    }

    /// Sends a request, if there is one, and takes the line that answers the oldest which was not answered yet, if it is
    /// `wanted`, with the id that it must have. So the driver can have the next request before it has answered the last
    /// one. A request is the members of a JSON object, as text, without an id, and the raw bytes behind it.
    ///
    /// # Errors
    /// Where no line comes. The driver is of no further use then.
    pub(in crate::target) async fn pass(
        &mut self,
        request: Option<(&str, &[u8])>,
        wanted: bool,
    ) -> Result<Option<(u64, String)>, DriverError> {
        let Self {
            reader,
            writer,
            early,
            last_id,
            ..
        } = self;
        let owed = usize::try_from(*last_id - self.answered).unwrap_or(usize::MAX);
        let sent = async {
            if let Some((members, raw)) = request {
                *last_id += 1;
                writer.send_members(*last_id, members, raw).await;
            }
        };
        let both = async {
            tokio::pin!(sent);
            loop {
                tokio::select! {
                    biased;
                    () = &mut sent => break,
                    // A driver reads nothing as long as nobody reads what it writes.
                    line = reader.next_text(), if early.len() < owed => {
                        let is_over = line.is_err();
                        early.push_back(line);
                        if is_over {
                            break;
                        }
                    }
                }
            }
            if !wanted {
                return Ok(None);
            }
            match early.pop_front() {
                Some(line) => line.map(Some),
                None => reader.next_text().await.map(Some),
            }
        };
        let Ok(line) = tokio::time::timeout(self.patience, both).await else {
            return Err(self.reader.silent(self.patience));
        };
        let Some(line) = line? else { return Ok(None) };
        self.answered += 1;
        Ok(Some((self.answered, line)))
    }

    /// Takes the memory of an answer back.
    pub(in crate::target) fn reuse(&mut self, line: String) {
        if let Reader::Process { lines, .. } = &mut self.reader {
            lines.reuse(line);
        }
    }

    /// The same driver, with this much time for an answer.
    pub(in crate::target) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// The answer, if it is one to the request `id` and not that there is no such command.
pub(in crate::target) fn checked(answer: Value, id: u64) -> Result<Value, DriverError> {
    match answer.get("id") {
        Some(came) if came.as_u64() == Some(id) => {}
        Some(came) => {
            return Err(DriverError::Foreign {
                expected: id,
                came: came.to_string(),
            });
        }
        None => {
            let why = "it has no `id`".to_owned();
            return Err(rubbish(&answer.to_string(), "answer", why));
        }
    }
    match answer.get("unsupported") {
        Some(why) => Err(DriverError::Unsupported(
            why.as_str().unwrap_or("without a reason").to_owned(),
        )),
        None => Ok(answer),
    }
}

impl Writer {
    /// Sends a message, with raw bytes behind it. Who does not read has ended or will not answer: that is noticed there.
    pub(in crate::target) async fn send(&mut self, message: Value, raw: &[u8]) {
        match self {
            Self::Process { stdin } => {
                let mut line = format!("{message}\n").into_bytes();
                line.extend_from_slice(raw);
                if stdin.write_all(&line).await.is_ok() {
                    let _noticed_there = stdin.flush().await;
                }
            }
            Self::InProcess(requests) => {
                let _noticed_there = requests.send(message).await;
            }
        }
    }

    /// The same for a JSON object with this id, whose other members are text.
    async fn send_members(&mut self, id: u64, members: &str, raw: &[u8]) {
        match self {
            Self::Process { stdin } => {
                let begin = format!("{{\"id\":{id},");
                let mut parts = [begin.as_bytes(), members.as_bytes(), b"}\n", raw].map(IoSlice::new);
                let mut parts = &mut parts[..];
                while !parts.is_empty() {
                    match stdin.write_vectored(parts).await {
                        Ok(written @ 1..) => IoSlice::advance_slices(&mut parts, written),
                        Ok(0) | Err(_) => return,
                    }
                }
            }
            Self::InProcess(requests) => {
                if let Ok(message) = serde_json::from_str(&format!("{{\"id\":{id},{members}}}")) {
                    let _noticed_there = requests.send(message).await;
                }
            }
        }
    }
}

impl Reader {
    /// The next message as text, whatever it is. May be cancelled: what was read is kept.
    async fn next_text(&mut self) -> Result<String, DriverError> {
        match self {
            Self::InProcess(messages) => messages
                .recv()
                .await
                .map(|value| value.to_string())
                .ok_or_else(threw),
            Self::Process { lines, process } => match lines.next().await {
                Ok(line) => Ok(line),
                Err(LineError::TooLong) => Err(DriverError::Flood),
                Err(LineError::Closed) => Err(ended(process).await),
            },
        }
    }

    /// The next message, which should be what is `expected`. May be cancelled: what was read is kept.
    ///
    /// # Errors
    /// Where the driver ended, or what it wrote is no JSON object.
    pub(in crate::target) async fn next(&mut self, expected: &'static str) -> Result<Received, DriverError> {
        if let Self::InProcess(messages) = self {
            let value = messages.recv().await.ok_or_else(threw)?;
            return Ok(Received { value, size: 0 });
        }
        let line = self.next_text().await?;
        let value = read_json(&line).map_err(|why| rubbish(&line, expected, why))?;
        let size = line.len();
        Ok(Received { value, size })
    }

    /// The error for a driver that let so much time pass.
    pub(in crate::target) fn silent(&self, patience: Duration) -> DriverError {
        let tail = self
            .process()
            .map_or_else(String::new, |process| introduced(&process.tail()));
        DriverError::Silent { patience, tail }
    }

    /// Asks the process to end, and waits until it is gone.
    pub(in crate::target) async fn stop(&self) {
        if let Some(process) = self.process() {
            process.stop().await;
        }
    }

    /// Kills the process, and waits until it is gone.
    pub(in crate::target) async fn kill(&self) {
        if let Some(process) = self.process() {
            process.kill().await;
        }
    }

    /// The process, where there is one.
    pub(in crate::target) fn process(&self) -> Option<&Arc<Process>> {
        match self {
            Self::Process { process, .. } => Some(process),
            Self::InProcess(_) => None,
        }
    }
}

/// The error for a process that closed its output.
async fn ended(process: &Process) -> DriverError {
    let end = tokio::time::timeout(END_PATIENCE, process.ended()).await;
    let tail = introduced(&process.last_words().await);
    end.map_or_else(|_| closed(), |end| DriverError::Ended { end, tail })
}

/// The error for a driver in this process that is gone.
fn threw() -> DriverError {
    DriverError::Ended {
        end: End::Exited("as a program would that threw".to_owned()),
        tail: String::new(),
    }
}

fn closed() -> DriverError {
    rubbish("", "line", "it closed its standard output".to_owned())
}
