//! The `siospec` command.

use siospec::cli::{self, Exit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic has written its message by now.
    let exit = catch_unwind(AssertUnwindSafe(|| cli::main(std::env::args_os()))).unwrap_or(Exit::Internal);
    exit.into()
}
