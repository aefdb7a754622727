//! `siospec connect`: the reference client by hand, or in a pipe.
//!
//! It speaks with the client as with any driver (`docs/driver.md`), and prints reports as scripts write them.

use super::exit::{Exit, Failure};
use super::interruptions::Interruptions;
use super::output::{Output, complain};
use reference_impl::{ServerUrl, driver::ClientDriver};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep_until};

const AFTER_HELP: &str = "\
Lines of the standard input:
  emit EVENT ARGS...    emit an event; arguments are JSON values with spaces between them
  ack EVENT ARGS...     the same, and print its acknowledgement
  answer ARGS...        answer the event that came last and asked for it
  disconnect, connect   leave the namespace, join it again
  help, quit

Bytes are written {\"$binary\":\"AQI=\"}. When the input ends, siospec waits for the acknowledgements
that are still to come, and for whatever the server has to say, as long as --wait allows.

Example:
  echo 'ack message-with-ack 1 {\"a\":2}' | siospec connect http://127.0.0.1:3000

Exit codes:
  0    the input ended or said quit
  1    an acknowledgement did not come, or the connection ended
  2    the command line or a line of the input is wrong
  3    the namespace could not be joined
  130  interrupted";

const LINES: &str = "\
emit EVENT ARGS...     ack EVENT ARGS...     answer ARGS...     disconnect     connect     help     quit
Arguments are JSON: emit message 1 \"a text\" {\"a\":[true]} {\"$binary\":\"AQI=\"}";

/// How long nothing must have come, once the input has ended, before siospec ends as well.
const QUIET: Duration = Duration::from_millis(300);

/// The arguments of `siospec connect`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Connect {
    /// The server, such as http://127.0.0.1:3000; a path in it is the namespace
    url: ServerUrl,
    /// The namespace, if not that of the URL
    #[arg(long, value_name = "NAME")]
    nsp: Option<String>,
    /// The payload of CONNECT
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    auth: Option<Value>,
    /// Where Socket.IO is served
    #[arg(long, value_name = "PATH", default_value = "/socket.io/")]
    path: String,
    /// Stay with one transport, instead of polling first and then an upgrade
    #[arg(long, value_name = "NAME")]
    transport: Option<Transport>,
    /// A parameter for the query of every request
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair::<'='>)]
    query: Vec<(String, String)>,
    /// A header for every request
    #[arg(long, value_name = "NAME:VALUE", value_parser = pair::<':'>)]
    header: Vec<(String, String)>,
    /// Connect again when the connection is lost
    #[arg(long)]
    reconnect: bool,
    /// How many seconds to wait for the connection, and for what is still to come when the input has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    wait: f64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Transport {
    Polling,
    Websocket,
}

pub(super) fn connect(
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
            () = interruptions.next() => Ok(Exit::Interrupted),
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
            json!({"url": self.arguments.url.to_string(), "options": self.options()}),
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

    fn options(&self) -> Value {
        let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect()
        };
        let mut options = json!({
            "path": self.arguments.path,
            "query": pairs(&self.arguments.query),
            "headers": pairs(&self.arguments.header),
            "reconnection": self.arguments.reconnect,
        });
        if let Some(auth) = &self.arguments.auth {
            options["auth"] = auth.clone();
        }
        if let Some(transport) = self.arguments.transport {
            options["transports"] = match transport {
                Transport::Polling => json!(["polling"]),
                Transport::Websocket => json!(["websocket"]),
            };
        }
        options
    }

    /// Says what is wrong; `exit` is returned.
    fn fail(&self, wrong: &str, exit: Exit) -> Exit {
        complain(self.color, &format!("error: {wrong}"));
        exit
    }
}

/// The lines of the standard input, read by a thread of its own that ends with the program.
fn input() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next line; never comes once there are no more.
async fn next(input: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match input {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A report as a line of a script.
fn shown(report: &str, message: &Value) -> String {
    let mut line = format!("@< {report}");
    let mut add = |value: &Value| {
        line.push(' ');
        line.push_str(&safe(&value.to_string()));
    };
    let details: &[&str] = match report {
        "connect" => &["sid"],
        "connect_error" => &["message", "data"],
        "event" => &["event", "args"],
        "ack" => &["ack", "args"],
        "ack_error" => &["ack", "message"],
        "disconnect" => &["reason"],
        _ => &["attempt", "message"],
    };
    let namespace = message["nsp"].as_str().map(|name| safe(name).into_boxed_str());
    for value in details.iter().filter_map(|key| message.get(*key)) {
        match value {
            Value::Array(values) => values.iter().for_each(&mut add),
            value => add(value),
        }
    }
    match namespace {
        Some(namespace) => line.replacen(report, &format!("{report} {namespace}"), 1),
        None => line,
    }
}

/// Text of a server on a terminal: what could move the cursor or turn the line around is escaped.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let turns =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// JSON values with spaces between them.
fn values(text: &str) -> Result<Vec<Value>, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut read = Vec::new();
    loop {
        let rest = text.get(values.byte_offset()..).unwrap_or_default().trim();
        match values.next() {
            Some(Ok(value)) => read.push(value),
            Some(Err(error)) => {
                return Err(format!(
                    "`{rest}` is not JSON ({error}): texts are written in quotes, as in \"{}\"",
                    "a text"
                ));
            }
            None => return Ok(read),
        }
    }
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("not JSON: {error}; expected something like '{{\"token\":\"T\"}}'"))
}

fn pair<const SEPARATOR: char>(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(SEPARATOR)
        .ok_or_else(|| format!("expected NAME{SEPARATOR}VALUE"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .ok_or_else(|| "expected a number of seconds, at most 86400".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_values() {
        assert_eq!(
            values(r#" 1 "a b" {"c":[true]} null "#),
            Ok(vec![json!(1), json!("a b"), json!({"c": [true]}), json!(null)])
        );
        assert_eq!(values(""), Ok(vec![]));
        assert!(values("1 hello").unwrap_err().contains("`hello` is not JSON"));
    }

    #[test]
    fn reports_are_printed_as_scripts_have_them() {
        for (report, line) in [
            (
                json!({"report": "connect", "nsp": "/", "sid": "s"}),
                "@< connect / \"s\"",
            ),
            (
                json!({"report": "event", "nsp": "/a", "event": "e", "args": [1, {"b": 2}], "ack": 1}),
                "@< event /a \"e\" 1 {\"b\":2}",
            ),
            (
                json!({"report": "connect_error", "nsp": "/", "message": "no"}),
                "@< connect_error / \"no\"",
            ),
            (
                json!({"report": "disconnect", "nsp": "/", "reason": "\u{202e}\u{9b}"}),
                "@< disconnect / \"\\u202e\\u009b\"",
            ),
            (
                json!({"report": "reconnect_attempt", "attempt": 2}),
                "@< reconnect_attempt 2",
            ),
        ] {
            assert_eq!(shown(report["report"].as_str().unwrap(), &report), line);
        }
    }
}
