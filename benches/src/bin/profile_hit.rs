//! Memory hits and nothing else, for a profiler:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect=profile_hit::hits profile_hit cache-runtime 10000
//! ```
//!
//! The arguments are a part of the cache's name (`raw`, `cache-runtime`, `concurrent_cached`), the
//! number of keys and the number of calls; each has a default.

use std::env::args;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use cache_benches::memory::{MemoryCache, by_name};
use cache_benches::{Arguments, all_calls, random_calls};

fn main() -> ExitCode {
    let mut given = args().skip(1);
    let name = given.next().unwrap_or_else(|| "cache-runtime".into());
    let mut number = |default: u64| given.next().map_or(Some(default), |text| text.parse().ok());
    let (Some(cache), Some(keys), Some(calls)) =
        (by_name(&name), number(10_000), number(1_000_000))
    else {
        eprintln!("profile_hit [raw | cache-runtime | concurrent_cached] [keys] [calls]");
        return ExitCode::FAILURE;
    };
    (cache.ask)(&all_calls(keys));
    // A clock that ticks on a thread of its own must have had its turn, which a profiler that runs
    // one thread at a time would else give it too late.
    sleep(Duration::from_millis(50));
    hits(cache, &random_calls(keys, calls as usize));
    ExitCode::SUCCESS
}

/// Where a profiler is to begin, and to end.
#[inline(never)]
fn hits(cache: MemoryCache, calls: &[Arguments]) {
    (cache.ask)(calls);
}
