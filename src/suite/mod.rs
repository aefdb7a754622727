//! The suite as data: rules, cases, the trials that they make, which of them are selected, and what they cover.

mod baseline;
pub mod compare;
mod coverage;
mod expand;
mod load;
mod rules;
mod select;
#[cfg(test)]
mod tests;
mod vectors;

pub use baseline::{baselines, snapshot_name};
pub use coverage::{Counts, Coverage, Row, State};
pub use expand::{Trial, expand};
pub use load::{Corpus, LoadError, LoadedCase, builtin_file, builtin_files, load_builtin, load_dir};
pub use rules::{Level, Rule, Rules};
pub use select::{Partition, PartitionError, Selected, Selection, fits_glob};
pub use vectors::{Allowed, Codec, Expected, Frame, Operation, Outcome, Vector, parse_vectors};
