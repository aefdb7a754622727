//! The client as the program that `docs/driver.md` describes: requests in, answers and reports out, many cases at once.

mod case;
mod client_driver;
mod options;
mod values;

pub use client_driver::ClientDriver;
