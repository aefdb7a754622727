#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("roundtrip"),
    |data: &[u8]| siospec_fuzz::targets::roundtrip::run(data)
);
