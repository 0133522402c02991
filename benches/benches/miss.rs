//! A call that misses, and whose body is done at once: what a miss costs beside the load.
//!
//! Each turn requests keys that nobody has requested; no cache is full.

use std::cell::Cell;
use std::time::Instant;

use cache_benches::memory::{CACHES, Values};
use cache_benches::{Contender, Effort, all_calls, compare};

fn main() {
    let effort = Effort::full(20, 10_000);
    let contenders = CACHES.iter().filter_map(|cache| {
        let ask = cache.ask(Values::Number)?;
        let calls = effort.calls.div_ceil(cache.pace);
        let fresh = Cell::new(0);
        let turn = move || {
            let first = fresh.get();
            fresh.set(first + calls as u64);
            let calls = all_calls(first..fresh.get());
            let began = Instant::now();
            ask(&calls);
            began.elapsed()
        };
        Some(Contender::timed(cache.name, turn).calls(calls))
    });
    compare("miss", "miss, u64", effort, contenders.collect());
}
