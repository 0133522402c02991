//! Patterns match, values are escaped and names are checked, whatever is put into them.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| cache_runtime::fuzzing::template(text));
