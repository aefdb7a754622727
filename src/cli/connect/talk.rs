//! A conversation of `siospec connect` with one namespace.

use super::super::exit::{Exit, Failure};
use super::super::interruptions::Interruptions;
use super::super::output::{Output, complain};
use super::arguments::Connect;
use super::lines::{LINES, input, next, safe, shown, values};
use reference_impl::driver::ClientDriver;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep_until};

/// How long nothing must have come, once the input has ended, before siospec ends as well.
const QUIET: Duration = Duration::from_millis(300);

/// Connects, and does what the lines of the input say.
pub(in crate::cli) fn connect(
    arguments: &Connect,
    color: anstream::ColorChoice,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let exit = runtime.block_on(async {
        let mut interruptions = Interruptions::listen()?;
        let (sender, heard) = mpsc::unbounded_channel();
        let driver = ClientDriver::start(tokio::runtime::Handle::current(), None, sender);
        let mut talk = Talk::new(arguments, driver, heard, color);
        tokio::select! {
            exit = talk.run(out) => exit,
            _ = interruptions.next() => Ok(Exit::Interrupted),
        }
    });
    // What still runs is of no use to anybody.
    runtime.shutdown_background();
    exit
}

/// A conversation with one namespace.
struct Talk<'a> {
    arguments: &'a Connect,
    driver: ClientDriver,
    heard: UnboundedReceiver<Value>,
    namespace: String,
    wait: Duration,
    is_joined: bool,
    /// Whether the application itself has left.
    has_left: bool,
    /// The acknowledgements that are awaited.
    awaited: BTreeSet<String>,
    /// What the event that came last and asked is answered with.
    question: Option<Value>,
    exit: Exit,
    color: anstream::ColorChoice,
}

impl<'a> Talk<'a> {
    fn new(
        arguments: &'a Connect,
        driver: ClientDriver,
        heard: UnboundedReceiver<Value>,
        color: anstream::ColorChoice,
    ) -> Self {
        let of_url = arguments.url.path.trim_end_matches('/');
        let namespace = arguments.nsp.as_deref().unwrap_or(of_url).trim_start_matches('/');
        Self {
            arguments,
            driver,
            heard,
            namespace: format!("/{namespace}"),
            wait: Duration::from_secs_f64(arguments.wait),
            is_joined: false,
            has_left: false,
            awaited: BTreeSet::new(),
            question: None,
            exit: Exit::Success,
            color,
        }
    }

    async fn run(&mut self, out: &mut Output) -> Result<Exit, Failure> {
        let mut input = Some(input());
        let mut give_up = Some(Instant::now() + self.wait);
        let mut quiet_at = None;
        self.ask(
            "connect",
            json!({"url": self.arguments.url.to_string(), "options": self.arguments.options()}),
        );
        // In a pipe nobody sees when it is time to speak: the lines wait until the namespace is joined.
        let mut may_speak = std::io::stdin().is_terminal();
        if may_speak {
            writeln!(out, "{LINES}")?;
        }
        loop {
            out.flush()?;
            let patience = [give_up, quiet_at].into_iter().flatten().min();
            tokio::select! {
                message = self.heard.recv() => {
                    let Some(message) = message else { return Ok(Exit::Internal) };
                    let was_joined = self.is_joined;
                    if let Some(exit) = self.hear(&message, out)? {
                        return Ok(exit);
                    }
                    if self.is_joined && !was_joined {
                        give_up = None;
                        may_speak = true;
                    }
                }
                line = next(&mut input), if may_speak => match line.as_deref().map(str::trim) {
                    Some("quit") => return Ok(self.exit),
                    Some(line) => self.command(line, out)?,
                    None => {
                        input = None;
                        give_up = Some(Instant::now() + self.wait);
                    }
                },
                () = until(patience) => {
                    return Ok(match (self.is_joined || self.has_left, self.awaited.is_empty()) {
                        (true, true) => self.exit,
                        (true, false) => self.fail("an acknowledgement did not come", Exit::Gate),
                        (false, _) => self.fail("the namespace was not joined in time", Exit::Target),
                    });
                }
            }
            let is_done = input.is_none() && (self.is_joined || self.has_left) && self.awaited.is_empty();
            quiet_at = is_done.then(|| Instant::now() + QUIET);
        }
    }

    /// Prints what was reported. `Some`: it is over.
    fn hear(&mut self, message: &Value, out: &mut Output) -> Result<Option<Exit>, Failure> {
        if let Some(wrong) = message.get("error").or_else(|| message.get("unsupported")) {
            let wrong = safe(wrong.as_str().unwrap_or("it cannot be done"));
            self.exit = self.fail(&wrong, Exit::Usage);
        }
        let Some(report) = message["report"].as_str() else {
            return Ok(None);
        };
        writeln!(out, "{}", shown(report, message))?;
        let name = message["ack"].as_str().unwrap_or_default();
        match report {
            "connect" => self.is_joined = true,
            "event" if message.get("ack").is_some() => self.question = Some(message["ack"].clone()),
            "ack" => drop(self.awaited.remove(name)),
            "ack_error" => {
                self.awaited.remove(name);
                self.exit = Exit::Gate;
            }
            "connect_error" if !self.arguments.reconnect => return Ok(Some(Exit::Target)),
            "disconnect" => {
                self.is_joined = false;
                if !self.has_left && !self.arguments.reconnect {
                    return Ok(Some(Exit::Gate));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Does what a line says.
    fn command(&mut self, line: &str, out: &mut Output) -> Result<(), Failure> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let done = match word {
            "" => Ok(()),
            "emit" | "ack" => self.emit(word == "ack", rest.trim()),
            "answer" => self.answer(rest),
            "disconnect" => {
                self.has_left = true;
                self.ask("disconnect", json!({}));
                Ok(())
            }
            "connect" => {
                self.has_left = false;
                self.ask(
                    "connect",
                    json!({"url": self.arguments.url.to_string(), "options": {}}),
                );
                Ok(())
            }
            "help" => {
                writeln!(out, "{LINES}")?;
                Ok(())
            }
            other => Err(format!(
                "there is no command `{other}`: expected emit, ack, answer, disconnect, connect, help or quit"
            )),
        };
        if let Err(wrong) = done {
            self.exit = self.fail(&wrong, Exit::Usage);
        }
        Ok(())
    }

    fn emit(&mut self, asks: bool, rest: &str) -> Result<(), String> {
        let (event, rest) = if rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let event = values
                .next()
                .and_then(Result::ok)
                .ok_or("the name of the event is not closed: `\"` is missing")?;
            (event, rest.get(values.byte_offset()..).unwrap_or_default())
        } else {
            let (event, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            (event.to_owned(), rest)
        };
        if event.is_empty() {
            return Err("the name of an event is missing: `emit EVENT ARGS...`".to_owned());
        }
        let mut request = json!({"event": event, "args": values(rest)?});
        if asks {
            // The name is what the answer is printed with; a second question of the same name gets a number.
            let taken = self
                .awaited
                .iter()
                .filter(|name| name.split('#').next() == Some(event.as_str()))
                .count();
            let name = if taken == 0 {
                event
            } else {
                format!("{event}#{}", taken + 1)
            };
            request["ack"] = name.as_str().into();
            self.awaited.insert(name);
        }
        self.ask("emit", request);
        Ok(())
    }

    fn answer(&mut self, rest: &str) -> Result<(), String> {
        let arguments = values(rest)?;
        let question = self
            .question
            .take()
            .ok_or("no event has come that asks for an acknowledgement")?;
        self.ask("ack", json!({"ack": question, "args": arguments}));
        Ok(())
    }

    fn ask(&self, what: &str, mut request: Value) {
        request["id"] = 1.into();
        request["do"] = what.into();
        request["case"] = "connect".into();
        request["nsp"] = self.namespace.as_str().into();
        self.driver.handle(request);
    }

    /// Says what is wrong; `exit` is returned.
    fn fail(&self, wrong: &str, exit: Exit) -> Exit {
        complain(self.color, &format!("error: {wrong}"));
        exit
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
