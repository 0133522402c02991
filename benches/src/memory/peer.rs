//! The macro of the `cached` crate for concurrent use, with a bound and a TTL.

use std::hint::black_box;

use cached::macros::concurrent_cached;

use crate::{Arguments, ready};

#[concurrent_cached(max_size = 20_000, ttl_secs = 300)]
async fn value(id: u64, text: &str) -> u64 {
    super::load(id, text)
}

pub(super) fn ask(calls: &[Arguments]) {
    for &(id, text) in calls {
        black_box(ready(value(black_box(id), black_box(text))));
    }
}
