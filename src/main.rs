//! The `siospec` command.
fn main() {}
