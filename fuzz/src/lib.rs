//! What each fuzz target does with an input, apart from the fuzzer, so that plain tests run the same code.

use std::{collections::hash_map::DefaultHasher, fs, hash::Hasher as _, path::PathBuf};

pub mod socketioxide;
pub mod targets;

/// The environment variable that names a folder where a fuzz target writes its seeds before it begins.
const FOLDER: &str = "SIOSPEC_SEEDS";

/// Writes the seeds of a target, each as a file named after its content, where `SIOSPEC_SEEDS` names a folder.
///
/// # Panics
/// Where the folder cannot be written to.
pub fn write_seeds_if_asked(target: &str) {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).expect("the folder for the seeds can be made");
    for seed in targets::seeds::seeds(target) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&seed);
        let path = folder.join(format!("seed-{:016x}", hasher.finish()));
        fs::write(path, seed).expect("the folder for the seeds can be written to");
    }
}
