#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("socket_decoder"),
    |data: &[u8]| siospec_fuzz::targets::socket_decoder::run(data)
);
