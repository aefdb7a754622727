#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("notation"),
    |data: &[u8]| siospec_fuzz::targets::notation::run(data)
);
