#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::targets::seeds::write_if_asked("socketioxide_differential"),
    |data: &[u8]| siospec_fuzz::socketioxide::run(data)
);
