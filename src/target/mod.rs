//! What is tested: finding it, starting it, watching it, taking it down.
//!
//! **Invariant:** nothing here judges a protocol. A target that answers HTTP is there; what it answers is for the cases.

mod answer;
mod asker;
mod builtin;
mod builtin_agrees;
mod builtin_client;
mod builtin_codec;
mod builtin_seen;
pub mod client;
mod codec;
mod codec_driver;
mod driver;
mod group;
mod install_commands;
mod instance;
mod launch;
mod listener;
mod manifest;
mod memory;
mod named;
mod output;
pub mod port;
mod raw;
mod rest;
mod rest_json;

#[cfg(test)]
#[cfg(unix)]
mod tests;

pub use answer::{Announced, Answer, NoAnswer};
pub use asker::{Asked, Asker};
pub use builtin::{BuiltinError, FaultEntry, faults};
pub use builtin_agrees::{agrees, agrees_encoded, answer_encoded, push_bytes};
pub use builtin_client::client_faults;
pub use builtin_codec::{decided, decoded, encoded};
pub use builtin_seen::{Seen, SeenPacket, SeenValue};
pub use client::{Answer as DriverAnswer, CaseDriver, ClientInstance, ClientTarget};
pub use codec::{Batch, BatchText, CodecInstance, CodecTarget};
pub use codec_driver::{Differing, Reply};
pub use driver::{CLIENT_WORDS, DriverError, Hello, driver_schema};
pub(crate) use driver::{Request, mended};
pub use group::End;
pub use instance::{Instance, Loss, StartError};
pub use launch::{Launch, LaunchError, Limits, Process, program_in};
pub use manifest::{
    FILE_NAME, FuzzEntry, KnownEntry, Located, Manifest, ManifestError, Program, Variant, load_known,
};
pub use named::{Target, quoted};
pub use raw::{RawFrame, RawFrames, RawInputs};
pub use rest::Rest;

/// Where Socket.IO is served unless somebody says otherwise.
pub const DEFAULT_PATH: &str = "/socket.io/";

/// The connect timeout that `docs/server-app.md` asks for, in milliseconds.
pub const DEFAULT_CONNECT_TIMEOUT_MS: f64 = 1000.0;
