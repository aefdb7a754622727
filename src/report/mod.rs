//! What a run looks like to people and programs. Each form is made of the saved result alone.
//!
//! **Invariant:** nothing here knows how a run comes about: only `outcome`, `transcript` and `pattern` are seen.
//! **Invariant:** nothing here reads or writes files: results come in, text or bytes go out.

pub mod annotations;
pub mod badge;
pub mod diff;
mod escape;
mod group;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod matrix;
pub mod merge;
mod pieces;
pub mod schema;
pub mod slim;
pub mod terminal;
mod text;
pub mod withhold;

pub use matrix::file_name;
pub(crate) use text::{count, safe};
