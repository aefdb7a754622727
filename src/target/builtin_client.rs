//! The client of the reference, whose driver is part of this process.

use super::builtin::{BuiltinError, FaultEntry};
use super::driver::InProcess;
use crate::notation::Role;
use reference_impl::client::faults::{self, Fault};
use reference_impl::driver::ClientDriver;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How many requests, and how many messages, may wait.
const WAITING: usize = 1024;

/// The fault of this name.
pub(super) fn fault(name: &str) -> Result<Fault, BuiltinError> {
    faults::by_name(name).ok_or_else(|| BuiltinError::NoFault(name.to_owned()))
}

/// Starts a driver on the runtime that this is called in. It ends when the sender is dropped.
pub(super) fn start(fault: Option<Fault>) -> InProcess {
    let (requests, mut asked) = mpsc::channel(WAITING);
    let (messages, receiver) = mpsc::channel(WAITING);
    let (out, mut told) = mpsc::unbounded_channel();
    let driver = ClientDriver::start(Handle::current(), fault, out);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => driver.handle(request),
                    None => return,
                },
                message = told.recv() => match message {
                    // Fails when nobody listens any more; then the sender is about to be dropped as well.
                    Some(message) => drop(messages.send(message).await),
                    None => return,
                },
            }
        }
    });
    (requests, receiver)
}

/// The deliberate faults that the client of the reference can be started with.
pub fn client_faults() -> impl Iterator<Item = FaultEntry> {
    faults::ALL.iter().map(|fault| FaultEntry {
        role: Role::Client,
        name: fault.name,
        area: fault.area,
        breaks: fault.breaks,
        sentence: fault.sentence,
    })
}

#[cfg(test)]
mod tests {
    use super::super::driver::CLIENT_WORDS;
    use super::*;

    #[tokio::test]
    async fn the_reference_can_do_all_that_there_is_a_word_for() {
        let (_requests, mut messages) = start(None);
        let hello = messages.recv().await.unwrap();
        assert_eq!(hello["client"], serde_json::json!(CLIENT_WORDS));
    }
}
