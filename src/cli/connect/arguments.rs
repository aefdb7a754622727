//! What the command line of `siospec connect` says.

use reference_impl::ServerUrl;
use serde_json::{Map, Value, json};

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

/// The arguments of `siospec connect`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Connect {
    /// The server, such as http://127.0.0.1:3000; a path in it is the namespace
    pub(super) url: ServerUrl,
    /// The namespace, if not that of the URL
    #[arg(long, value_name = "NAME")]
    pub(super) nsp: Option<String>,
    /// The payload of CONNECT
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    pub(super) auth: Option<Value>,
    /// Where Socket.IO is served
    #[arg(long, value_name = "PATH", default_value = "/socket.io/")]
    pub(super) path: String,
    /// Stay with one transport, instead of polling first and then an upgrade
    #[arg(long, value_name = "NAME")]
    pub(super) transport: Option<Transport>,
    /// A parameter for the query of every request
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair::<'='>)]
    pub(super) query: Vec<(String, String)>,
    /// A header for every request
    #[arg(long, value_name = "NAME:VALUE", value_parser = pair::<':'>)]
    pub(super) header: Vec<(String, String)>,
    /// Connect again when the connection is lost
    #[arg(long)]
    pub(super) reconnect: bool,
    /// How many seconds to wait for the connection, and for what is still to come when the input has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub(super) wait: f64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Transport {
    Polling,
    Websocket,
}

impl Connect {
    /// The options of the client, in the words of the driver protocol.
    pub(super) fn options(&self) -> Value {
        let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect()
        };
        let mut options = json!({
            "path": self.path,
            "query": pairs(&self.query),
            "headers": pairs(&self.header),
            "reconnection": self.reconnect,
        });
        if let Some(auth) = &self.auth {
            options["auth"] = auth.clone();
        }
        if let Some(transport) = self.transport {
            options["transports"] = match transport {
                Transport::Polling => json!(["polling"]),
                Transport::Websocket => json!(["websocket"]),
            };
        }
        options
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
