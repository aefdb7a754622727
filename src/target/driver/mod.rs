//! Programs that drive a library of another language: JSON Lines over their standard input and output, as
//! `docs/driver.md` describes them. What is asked of a codec is `codec`'s, what of a client `client`'s.

mod error;
mod hello;
mod lines;
mod message;
mod pipe;
mod program;
mod request;
mod schema;
#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests;

pub use error::DriverError;
pub(super) use error::rubbish;
pub use hello::{CLIENT_WORDS, Hello};
pub(crate) use lines::mended;
pub(super) use lines::read_json;
pub(super) use message::Report;
pub(super) use pipe::{InProcess, Pipe, Reader, Received, Writer, checked};
pub(super) use program::DriverProgram;
pub(crate) use request::Request;
pub use schema::driver_schema;
