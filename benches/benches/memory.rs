//! A memory hit: ours, `quick_cache` by hand, and the `cached` crate's macro.
//!
//! The futures are polled once by hand, so that no runtime is measured along.

use cache_benches::memory::CACHES;
use cache_benches::{Effort, compare, random_calls};

fn main() {
    let effort = Effort::full(60, 200_000);
    // Fewest keys first: no set finds more in the caches than its own keys and those before it.
    let sets = [
        ("one key", 1, 1),
        ("one key, two threads", 2, 1),
        ("500 keys", 1, 500),
        ("10,000 keys", 1, 10_000),
    ];
    for (title, threads, keys) in sets {
        let calls = random_calls(keys, effort.calls);
        let contenders = CACHES.map(|cache| cache.contender(threads, &calls));
        compare("memory", &format!("memory hit, {title}"), effort, contenders.into());
    }
    println!("\n{}", cache_runtime::cache().stats());
}
