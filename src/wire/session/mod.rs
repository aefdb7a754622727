//! Engine.IO sessions of the player: opened, kept alive, upgraded and ended the polite way, over either transport.

mod open;
mod outgoing;
mod polling;
mod script;
mod shared;
mod upgrade;
mod websocket;

pub use open::OpenError;
pub use script::{Session, SessionEnded};
pub use upgrade::UpgradeError;
