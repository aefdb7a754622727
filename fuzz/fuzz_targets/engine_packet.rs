#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("engine_packet"),
    |data: &[u8]| siospec_fuzz::targets::engine_packet::run(data)
);
