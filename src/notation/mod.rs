//! The `.sio` language: its model, reading it, writing it, and pointing into it when something is wrong.

mod model;

pub use model::{
    Action, Alternative, At, Binary, Case, Content, Duration, Each, Frame, Given, Header, Heartbeat, Item,
    Label, Mask, Over, OwnAction, Party, Request, Role, Step, Term, Text, Timing, Unit,
};
