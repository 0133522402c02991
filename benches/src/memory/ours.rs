//! `cache-runtime`, in its process's own manager with the default settings.

use std::hint::black_box;

use cache_runtime::cached;

use crate::{Arguments, ready};

#[cached(ttl = "5m", key_prefix = "bench")]
async fn value(id: u64, text: &str) -> u64 {
    super::load(id, text)
}

pub(super) fn ask(calls: &[Arguments]) {
    for &(id, text) in calls {
        black_box(ready(value(black_box(id), black_box(text))));
    }
}
