//! What each fuzz target does with an input, apart from the fuzzer, so that plain tests run the same code.

pub mod socketioxide;
pub mod targets;
