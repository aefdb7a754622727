#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::targets::seeds::write_if_asked("attachments"),
    |data: &[u8]| siospec_fuzz::targets::attachments::run(data)
);
