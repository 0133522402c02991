//! Shared code of the examples: it shows the cost of each call and the source of its value.

use std::future::Future;
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, Counts, Health, Stats, Status, cache};

/// Says which store is in use, and why it is not Redis where it should be.
pub async fn introduce(manager: &CacheManager) {
    let Health { status, backend, latency, reason, .. } = manager.health().await;
    let namespace = &manager.config().namespace;
    match (status, reason) {
        _ if backend == "off" => {
            println!("Store: none (the mode is `off`): each call runs its body.");
        }
        (Status::Healthy, _) if backend == "memory" => {
            println!("Store: the memory of this process (set REDIS_URL to use Redis).");
        }
        (Status::Healthy, _) => {
            let copies = if backend == "tiered" { ", with copies in memory" } else { "" };
            println!(
                "Store: Redis{copies}, which answers in {}; all names begin with `{namespace}:`.",
                human(latency.unwrap_or_default())
            );
        }
        (_, reason) => println!("Store: {backend} alone ({}).", reason.unwrap_or_default()),
    }
}

/// Begins a part of an example.
pub fn part(title: &str) {
    println!("\n{title}");
}

/// Awaits a call and prints what it was, how long it took and who answered it.
pub async fn timed<T>(what: &str, call: impl Future<Output = T>) -> T {
    let before = cache().stats();
    let began = Instant::now();
    let output = call.await;
    let took = began.elapsed();
    let answer = answer(&before, &cache().stats());
    println!("  {what:<44} {:>8}  {answer}", human(took));
    output
}

fn answer(before: &Stats, after: &Stats) -> String {
    let grown = |number: fn(&Counts) -> u64| number(&after.total) - number(&before.total);
    let (loads, coalesced) = (grown(|counts| counts.loads), grown(|counts| counts.coalesced));
    let answer = if grown(|counts| counts.load_errors) > 0 {
        "the load failed"
    } else if loads == 1 && coalesced > 0 {
        return format!("loaded once, for {} callers", 1 + coalesced);
    } else if loads > 0 {
        "loaded"
    } else if grown(|counts| counts.redis_hits) > 0 {
        "hit in Redis"
    } else if grown(|counts| counts.memory_hits) > 0 {
        "hit in memory"
    } else if grown(|counts| counts.stores) > 0 {
        "put in place"
    } else if after.invalidations > before.invalidations {
        "invalidated"
    } else {
        "nothing invalidated"
    };
    answer.to_owned()
}

fn human(time: Duration) -> String {
    match time {
        time if time < Duration::from_micros(1) => format!("{} ns", time.as_nanos()),
        time if time < Duration::from_millis(1) => format!("{:.1} µs", time.as_secs_f64() * 1e6),
        time => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    }
}
