//! Drives the asynchronous client of rust_socketio for siospec: JSON Lines, see docs/driver.md.

use rust_socketio::asynchronous::{Client as Library, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::{Value, json};
use siospec_driver::{Client, Emission, Job, Options, Refusal, Transports, Voice};
use siospec_driver::{done, only_binary, plain, plain_list, tell_binary, unsupported};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const WORDS: &str = "polling websocket upgrade force-new binary ack auth query headers path reconnection \
                     reconnection-attempts reconnection-delay connect-handler";
/// How long an acknowledgement is waited for where nothing else is asked for: the library wants a limit.
const LONG: Duration = Duration::from_secs(3600);
/// How the library introduces what a CONNECT_ERROR packet says.
const REFUSED: &str = "Received an ConnectError frame: ";

fn main() -> std::io::Result<()> {
    siospec_driver::drive::<Namespace>("rust_socketio", "0.6.0", WORDS)
}

struct Namespace {
    voice: Voice,
    url: String,
    client: Arc<OnceLock<Library>>,
}

impl Client for Namespace {
    fn new(voice: Voice, url: String) -> Self {
        Self {
            voice,
            url,
            client: Arc::default(),
        }
    }

    fn connect(&mut self, options: Options) -> Result<(), Refusal> {
        if self.voice.is_connected() {
            return Err(unsupported("a client connects when it is built, and only then"));
        }
        let builder = self.builder(options)?;
        self.client = Arc::default();
        let (built, voice) = (self.client.clone(), self.voice.clone());
        tokio::spawn(async move {
            match builder.connect().await {
                Ok(client) => drop(built.set(client)),
                Err(error) => voice.report("connect_error", json!({"message": error.to_string()})),
            }
        });
        Ok(())
    }

    fn emit(&mut self, emission: Emission) -> Result<Job, Refusal> {
        if emission.volatile {
            return Err(unsupported("volatile"));
        }
        let (client, voice, data) = (self.client()?, self.voice.clone(), payload(&emission.args)?);
        Ok(Box::pin(async move {
            let Some(ack) = emission.ack else {
                return Ok(client.emit(emission.event, data).await?);
            };
            let acked = move |payload: Payload, _: Library| {
                voice.report("ack", json!({"ack": ack, "args": acknowledged(payload)}));
                done()
            };
            let timeout = emission.timeout.unwrap_or(LONG);
            Ok(client.emit_with_ack(emission.event, data, timeout, acked).await?)
        }))
    }

    fn disconnect(&mut self) -> Result<Job, Refusal> {
        let (client, voice) = (self.client()?, self.voice.clone());
        // The library tells its handlers nothing of it: that it comes back is how an application knows.
        Ok(Box::pin(async move {
            client.disconnect().await?;
            if voice.is_connected() {
                voice.report("disconnect", json!({}));
            }
            Ok(())
        }))
    }
}

impl Namespace {
    fn client(&self) -> Result<Library, Refusal> {
        let none = || Refusal::Error("the client is not built: connecting gives it".to_owned());
        self.client.get().cloned().ok_or_else(none)
    }

    /// A client with these options, which reports what it hears.
    fn builder(&self, mut options: Options) -> Result<ClientBuilder, Refusal> {
        let mut builder = ClientBuilder::new(options.take_address(&self.url)?)
            .namespace(self.voice.nsp.as_str())
            .reconnect(options.take("reconnection")?.unwrap_or(false))
            .reconnect_delay(
                options.take("reconnectionDelay")?.unwrap_or(1000),
                options.take("reconnectionDelayMax")?.unwrap_or(5000),
            );
        if let Some(auth) = options.take("auth")? {
            builder = builder.auth(plain(&auth)?);
        }
        if let Some(attempts) = options.take("reconnectionAttempts")? {
            builder = builder.max_reconnect_attempts(attempts);
        }
        let headers: Option<BTreeMap<String, String>> = options.take("headers")?;
        for (name, value) in headers.into_iter().flatten() {
            builder = builder.opening_header(name, value);
        }
        builder = builder.transport_type(match options.take_transports()? {
            Transports::Polling => TransportType::Polling,
            Transports::WebSocket => TransportType::Websocket,
            Transports::Both => TransportType::Any,
        });
        let emission = options.take_emission()?;
        options.refuse_the_rest()?;
        Ok(self.listening(builder, emission))
    }

    fn listening(
        &self,
        builder: ClientBuilder,
        emit_on_connect: Option<(String, Vec<Value>)>,
    ) -> ClientBuilder {
        let voice = || self.voice.clone();
        let (opened, closed, failed, heard) = (voice(), voice(), voice(), voice());
        builder
            .on(Event::Connect, move |_, client| {
                opened.report("connect", json!({}));
                let emission = emit_on_connect.clone();
                Box::pin(async move {
                    if let Some((event, data)) = emission
                        && let Err(error) = client.emit(event, data).await
                    {
                        eprintln!("in the handler of the connection: {error}");
                    }
                })
            })
            .on(Event::Close, move |_, _| {
                closed.report("disconnect", json!({}));
                done()
            })
            .on(Event::Error, move |payload, _| {
                let error = arguments(payload).into_iter().next().unwrap_or_default();
                let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
                match text.strip_prefix(REFUSED) {
                    Some(payload) => failed.refused(payload),
                    None if !failed.is_connected() => {
                        failed.report("connect_error", json!({"message": text}))
                    }
                    None => eprintln!("the library tells of an error: {text}"),
                }
                done()
            })
            .on_any(move |name, payload, _| {
                heard.report(
                    "event",
                    json!({"event": name.as_str(), "args": arguments(payload)}),
                );
                done()
            })
    }
}

/// The arguments of an emission. The library sends either JSON, or bytes and nothing else.
fn payload(args: &[Value]) -> Result<Payload, Refusal> {
    Ok(match only_binary(args)? {
        Some(bytes) => Payload::from(bytes),
        None => Payload::Text(plain_list(args)?),
    })
}

/// The arguments of an event.
fn arguments(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(values) => values,
        Payload::Binary(bytes) => vec![tell_binary(&bytes)],
        #[allow(deprecated)]
        Payload::String(text) => vec![Value::String(text)],
    }
}

/// The arguments of an acknowledgement, which the library gives as one array.
fn acknowledged(payload: Payload) -> Vec<Value> {
    let mut values = arguments(payload);
    match values.as_mut_slice() {
        [Value::Array(list)] => std::mem::take(list),
        _ => values,
    }
}
