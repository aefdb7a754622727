#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("wire_reader"),
    |data: &[u8]| siospec_fuzz::targets::wire_reader::run(data)
);
