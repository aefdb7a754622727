//! Reading the script of a case.

mod alternative;
mod place;
mod reader;
mod step;

pub(super) use reader::ScriptReader;
