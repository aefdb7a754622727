#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("socketioxide_differential"),
    |data: &[u8]| siospec_fuzz::socketioxide::run(data)
);
