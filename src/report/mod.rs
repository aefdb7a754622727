//! What a run looks like to people and programs. Each form is made of the saved result alone.
//!
//! **Invariant:** nothing here knows how a run comes about: only `outcome`, `transcript` and `pattern` are seen.

pub mod html;
pub mod json;
pub mod junit;
pub mod terminal;
mod matrix;
pub mod schema;
mod text;
