//! Compares the codecs: `cargo bench --manifest-path benches/codec/Cargo.toml [-- WORDS]`.

fn main() {
    // Cargo adds `--bench`; what remains selects tasks by words in their names.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    siospec_bench_codec::run(&words);
}
