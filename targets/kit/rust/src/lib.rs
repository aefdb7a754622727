//! What every driver of a Rust client needs; a driver is left with its library. See docs/driver.md.
//!
//! A driver implements [`Client`] and calls [`drive`]. Each case has a thread and a runtime of its own, which take all that
//! the library has spawned with them when they end: `close` is no concern of the driver.

mod cases;
mod jobs;
mod lines;
mod reports;
mod requests;
mod values;

pub use jobs::{Job, done};
pub use lines::drive;
pub use reports::Voice;
pub use requests::{Emission, Options, Refusal, Transports, unsupported};
pub use values::{only_binary, plain, plain_list, tell_binary};

/// A client of one namespace of a case. What is called here runs within the runtime of the case. There is no `ack`, which is
/// answered with `unsupported`: rust_socketio lets no application answer an event.
pub trait Client: Sized + 'static {
    /// A client that is asked to connect next.
    fn new(voice: Voice, url: String) -> Self;

    /// Starts to connect, and waits for nothing. Asked again, connects the client that there is.
    fn connect(&mut self, options: Options) -> Result<(), Refusal>;

    /// What emits. The answer is what comes of it until its first wait. The rest is done later, in order.
    fn emit(&mut self, emission: Emission) -> Result<Job, Refusal>;

    /// What disconnects, in the same way.
    fn disconnect(&mut self) -> Result<Job, Refusal>;
}
