//! The `.sio` language: its model, reading it, writing it, and pointing into it when something is wrong.

mod channels;
mod check;
mod content;
mod diagnostic;
mod header;
mod line;
mod model;
mod parse;
mod piece;
mod print;
mod script;
mod substitute;
mod time;
mod words;

pub use diagnostic::Diagnostic;
pub(crate) use diagnostic::nearest;
#[cfg(test)]
mod tests;

pub use model::{
    Action, Alternative, At, Binary, Case, Content, Duration, Each, Frame, Given, Header, Heartbeat, Item,
    Label, Mask, Over, OwnAction, Party, Request, Role, Step, Term, Text, Timing, Unit,
};
pub use parse::{LARGEST_FILE, LONGEST_LINE, instantiate, parse};
pub use print::{print, print_content, print_step};
pub use substitute::substitute;
