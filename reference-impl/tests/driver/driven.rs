//! A driver and a server, and what was heard of them.

use std::{net::SocketAddr, time::Duration};

use reference_impl::{Options, Server, ServerHandle, client::faults::Fault, driver::ClientDriver};
use serde_json::{Value, json};
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Driven {
    pub(crate) server: ServerHandle,
    pub(crate) driver: ClientDriver,
    heard: UnboundedReceiver<Value>,
    last: u64,
}

impl Driven {
    pub(crate) async fn new(variant: &str, fault: Option<Fault>) -> Self {
        let options = match variant {
            "" => Options::default(),
            name => Options::with_variant(name).expect("a variant"),
        };
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options)
            .await
            .expect("a free port");
        let (out, heard) = unbounded_channel();
        let driver = ClientDriver::start(Handle::current(), fault, out);
        let mut driven = Self {
            server,
            driver,
            heard,
            last: 0,
        };
        assert_eq!(driven.hear().await["hello"], 1);
        driven
    }

    /// The next line.
    pub(crate) async fn hear(&mut self) -> Value {
        self.hear_or_end().await.expect("the driver goes on")
    }

    pub(crate) async fn hear_or_end(&mut self) -> Option<Value> {
        timeout(DEADLINE, self.heard.recv())
            .await
            .expect("something before the deadline")
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn say(&mut self, mut request: Value) -> u64 {
        self.last += 1;
        request["id"] = self.last.into();
        if request["do"] == "connect" && request.get("url").is_none() {
            request["url"] = format!("http://{}", self.server.local_addr()).into();
        }
        self.driver.handle(request);
        self.last
    }

    /// Sends a request and takes its answer, which is the next line.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let id = self.say(request);
        let mut answer = self.hear().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer.as_object_mut().expect("an object").remove("id");
        answer
    }

    /// Does something that is not refused.
    pub(crate) async fn act(&mut self, request: Value) {
        assert_eq!(self.ask(request.clone()).await, json!({}), "{request}");
    }

    /// Connects the main namespace of a case; its id.
    pub(crate) async fn connect(&mut self, case: &str, options: Value) -> Value {
        self.act(json!({"do": "connect", "case": case, "nsp": "/", "options": options}))
            .await;
        let mut connected = self.hear().await;
        let sid = connected["sid"].take();
        assert_eq!(
            connected,
            json!({"case": case, "report": "connect", "nsp": "/", "sid": null})
        );
        sid
    }
}
