#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| libbroker_fuzz::sql(data));
