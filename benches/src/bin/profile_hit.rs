//! Memory hits and nothing else, for a profiler:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*::memory::*::ask' profile_hit cache-runtime 10000 1000000
//! ```
//!
//! The arguments are a part of the cache's name (`raw`, `cache-runtime`, `concurrent_cached`), the
//! number of keys and the number of calls; each has a default.

use std::env::args;
use std::process::ExitCode;

use cache_benches::memory::by_name;
use cache_benches::random_calls;

fn main() -> ExitCode {
    let mut given = args().skip(1);
    let name = given.next().unwrap_or_else(|| "cache-runtime".into());
    let mut number = |default: usize| given.next().map_or(Some(default), |text| text.parse().ok());
    let (Some(cache), Some(keys), Some(calls)) =
        (by_name(&name), number(10_000), number(1_000_000))
    else {
        eprintln!("profile_hit [raw | cache-runtime | concurrent_cached] [keys] [calls]");
        return ExitCode::FAILURE;
    };
    (cache.ask)(&random_calls(keys as u64, calls));
    ExitCode::SUCCESS
}
