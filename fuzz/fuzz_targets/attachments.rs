#![no_main]

libfuzzer_sys::fuzz_target!(
    init: siospec_fuzz::write_seeds_if_asked("attachments"),
    |data: &[u8]| siospec_fuzz::targets::attachments::run(data)
);
