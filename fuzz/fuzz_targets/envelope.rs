//! Whatever Redis holds under a name of ours is a value, a mark or foreign, and costs no more than
//! its length.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cache_runtime::fuzzing::envelope(bytes));
