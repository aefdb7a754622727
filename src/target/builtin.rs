//! The reference that is part of siospec, started as a target.
//!
//! **Invariant:** with `cli/serve`, the only place that knows `reference_impl`. It runs on a runtime of its own, so that
//! stopping it stops all of it.

use crate::notation::Role;
use crate::wire::Endpoint;
use reference_impl::{Options, Server};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// Why the reference cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// There is no fault of that name.
    #[error("there is no fault `{0}`: `siospec faults --list` lists them")]
    NoFault(String),
    /// There is no variant of that name.
    #[error("the reference has no variant `{0}`")]
    NoVariant(String),
    /// The system refuses a socket or a thread.
    #[error("the reference cannot be started: {0}")]
    System(#[from] std::io::Error),
}

/// A reference server that runs. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Builtin {
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    runtime: Mutex<Option<Runtime>>,
}

impl Builtin {
    /// Starts a server on a free port in a variant of its options, with a fault where one is named.
    pub(super) async fn start(variant: &str, fault: Option<&str>) -> Result<Self, BuiltinError> {
        let options = options(variant, fault)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("reference")
            .enable_all()
            .build()?;
        let bound = runtime.spawn(async move {
            let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await?;
            let address = server.local_addr();
            // The handle lives as long as the runtime: dropping it would stop the server.
            tokio::spawn(async move {
                let _server = server;
                std::future::pending::<()>().await;
            });
            Ok::<_, std::io::Error>(address)
        });
        let address = match bound.await {
            Ok(Ok(address)) => address,
            Ok(Err(error)) => {
                runtime.shutdown_background();
                return Err(error.into());
            }
            Err(panicked) => {
                runtime.shutdown_background();
                return Err(std::io::Error::other(panicked).into());
            }
        };
        let (host, path) = (address.ip().to_string(), super::DEFAULT_PATH.to_owned());
        let endpoint = Endpoint {
            tls: false,
            host,
            port: address.port(),
            path,
            insecure: false,
        };
        Ok(Self {
            endpoint,
            runtime: Mutex::new(Some(runtime)),
        })
    }

    /// Stops it at once.
    pub(super) fn stop(&self) {
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Builtin {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether the reference has this variant.
pub(super) fn offers(variant: &str) -> bool {
    Options::with_variant(variant).is_some()
}

/// Whether the reference has this fault.
pub(super) fn check_fault(fault: &str) -> Result<(), BuiltinError> {
    options("", Some(fault)).map(|_| ())
}

fn options(variant: &str, fault: Option<&str>) -> Result<Options, BuiltinError> {
    let mut options = if variant.is_empty() {
        Options::default()
    } else {
        Options::with_variant(variant).ok_or_else(|| BuiltinError::NoVariant(variant.to_owned()))?
    };
    if let Some(name) = fault {
        let known = reference_impl::faults::by_name(name);
        options.fault = Some(known.ok_or_else(|| BuiltinError::NoFault(name.to_owned()))?);
    }
    Ok(options)
}

/// The deliberate faults that the server of the reference can be started with.
pub fn faults() -> impl Iterator<Item = FaultEntry> {
    reference_impl::faults::ALL.iter().map(|fault| FaultEntry {
        role: Role::Server,
        name: fault.name,
        area: fault.area,
        breaks: fault.breaks,
        sentence: fault.sentence,
    })
}

/// What is known of a deliberate fault.
#[derive(Clone, Copy, Debug)]
pub struct FaultEntry {
    /// Which role of the reference has it.
    pub role: Role,
    /// What it is called.
    pub name: &'static str,
    /// The area of the cases that must catch it.
    pub area: &'static str,
    /// The rules that it breaks.
    pub breaks: &'static [&'static str],
    /// What the reference does.
    pub sentence: &'static str,
}
