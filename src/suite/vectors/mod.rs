//! Vectors: what a codec makes of given packets and frames, as tables in `codec/*.toml`.
//!
//! The format is described for its authors in `cases/README.md`; values are those of `docs/driver.md`.

mod model;
mod raw;
mod read;

pub use model::{Allowed, Codec, Expected, Frame, Operation, Outcome, Vector};
pub use read::parse_vectors;
