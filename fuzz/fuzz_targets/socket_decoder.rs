#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::targets::seeds::write_if_asked("socket_decoder"),
    |data: &[u8]| siospec_fuzz::targets::socket_decoder::run(data)
);
