//! `siospec run`: tests a target. Other commands take its arguments and its way to prepare a run.

mod arguments;
mod command;
mod prepared;
mod subject;

pub(super) use arguments::{Run, duration};
pub(super) use command::run;
pub(super) use prepared::{Prepared, not_started};
pub(super) use subject::Subject;
