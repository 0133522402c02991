//! Memory hits and nothing else, for a profiler:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect=profile_hit::hits profile_hit cache-runtime 10000
//! ```
//!
//! The arguments are a part of the cache's name (`raw`, `cache-runtime`, `not async`, `moka`), the number of keys
//! and the number of calls; each has a default. The values are `u64`.

use std::env::args;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use cache_benches::memory::{Ask, Values, by_name};
use cache_benches::{Access, Arguments, all_calls, random_calls};

fn main() -> ExitCode {
    let mut given = args().skip(1);
    let name = given.next().unwrap_or_else(|| "cache-runtime".into());
    let mut number = |default: u64| given.next().map_or(Some(default), |text| text.parse().ok());
    let ask = by_name(&name).and_then(|cache| cache.ask(Values::Number));
    let (Some(ask), Some(keys), Some(calls)) = (ask, number(10_000), number(1_000_000)) else {
        eprintln!("profile_hit [part of a cache's name] [keys] [calls]");
        return ExitCode::FAILURE;
    };
    ask(&all_calls(0..keys));
    // A clock that ticks on a thread of its own must have had its turn, which a profiler that runs
    // one thread at a time would else give it too late.
    sleep(Duration::from_millis(50));
    hits(ask, &random_calls(Access::Uniform, 0..keys, calls as usize));
    ExitCode::SUCCESS
}

/// Marks the part of the program that is profiled.
#[inline(never)]
fn hits(ask: Ask, calls: &[Arguments]) {
    ask(calls);
}
