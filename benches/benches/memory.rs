//! A memory hit: ours, `quick_cache` by hand, and the peers, with values, keys, popularity and
//! threads of several kinds.
//!
//! The futures are polled once by hand, so that no runtime is measured along.

use std::ops::Range;

use cache_benches::memory::{Ask, CACHES, MemoryCache, NO_CACHE, Values, loads};
use cache_benches::{
    Access, Contender, Effort, Figure, Times, all_calls, compare, is_full, measure, publish,
    random_calls, record, together,
};

use Access::{Uniform, Zipf};
use Values::{Bytes, Number, Record, Shared};

fn main() {
    // Fewest keys first: none finds more in the caches than its own keys and those before it.
    for (title, values, keys, access) in [
        ("u64, one key", Number, 1, Uniform),
        ("u64, 500 keys", Number, 500, Uniform),
        ("u64, 10,000 keys", Number, 10_000, Uniform),
        ("u64, 10,000 keys, Zipf 0.99", Number, 10_000, Zipf(0.99)),
        ("struct, 10,000 keys", Record, 10_000, Uniform),
        ("Arc, 10,000 keys", Shared, 10_000, Uniform),
        ("1 KiB, 10,000 keys", Bytes, 10_000, Uniform),
    ] {
        one_thread(&filled(values, keys), title, keys, access);
    }
    two_threads("u64, one key", Number, [0..1, 0..1]);
    two_threads("Arc, one key", Shared, [0..1, 0..1]);
    two_threads("u64, 500 keys each", Number, [0..500, 500..1_000]);
    let million = scaled(1_000_000);
    let caches = filled(Number, million);
    one_thread(&caches, "u64, 1,000,000 keys", million, Uniform);
    one_thread(&caches, "u64, 1,000,000 keys, Zipf 0.99", million, Zipf(0.99));
    println!("\n{}", cache_runtime::cache().stats());
}

/// Calls one after the other.
fn one_thread(caches: &[(MemoryCache, Ask)], title: &str, keys: u64, access: Access) {
    let effort = Effort::full(40, 200_000);
    // So many that a turn does not find what the last one has left in the processor's caches.
    let calls = random_calls(access, 0..keys, effort.calls.max(2 * keys as usize));
    let contenders = caches.iter().map(|(cache, ask)| {
        let turn = effort.calls.div_ceil(cache.pace);
        let mut turns = calls.chunks_exact(turn).cycle();
        Contender::new(cache.name, move || turns.by_ref().take(1).for_each(ask)).calls(turn)
    });
    let contenders = contenders.collect();
    only_hits(|| compare("memory", &format!("memory hit, {title}"), effort, contenders));
}

/// The same on one thread and on two, each with its share of the keys: what one call of a thread
/// takes, and how much more two threads get done.
fn two_threads(title: &str, values: Values, keys: [Range<u64>; 2]) {
    // In so short a time other programs hardly ever take a core away.
    let effort = Effort::full(300, 20_000);
    let calls = keys.clone().map(|own| random_calls(Uniform, own, effort.calls));
    let mut caches = filled(values, keys[1].end);
    caches.extend(NO_CACHE.ask(values).map(|ask| (NO_CACHE, ask)));
    let contenders = [1, 2]
        .into_iter()
        .flat_map(|threads| caches.iter().map(move |(cache, ask)| (threads, cache, ask)));
    let contenders = contenders.map(|(threads, cache, ask)| {
        let (calls, turn) = (&calls, effort.calls.div_ceil(cache.pace));
        let work = move |thread: usize| ask(&calls[thread][..turn]);
        Contender::timed(cache.name, move || together(threads, work)).calls(turn)
    });
    let contenders = contenders.collect();
    let times = only_hits(|| measure(effort, contenders));
    let (one, two) = times.split_at(caches.len());
    gain(title, one, two);
    let caches = two.len() - 1;
    publish("memory", &format!("memory hit, {title}, 2 threads"), &two[..caches]);
}

/// Prints the throughput of two threads in relation to that of one.
fn gain(title: &str, one: &[Times], two: &[Times]) {
    let group = format!("throughput of 2 threads over 1, {title}");
    println!("\n{group}");
    for (one, two) in one.iter().zip(two) {
        let gain = 2.0 * one.ratio_to(two);
        println!("  {:32} {gain:>11.2}x", one.name());
        record("memory", &[Figure::new(&group, one.name(), gain, "x")]);
    }
}

/// Outside of `cargo bench` few keys will do.
fn scaled(keys: u64) -> u64 {
    if is_full() { keys } else { keys.min(1_000) }
}

/// The caches that keep such values, with this many keys in them.
fn filled(values: Values, keys: u64) -> Vec<(MemoryCache, Ask)> {
    let all = all_calls(0..keys);
    let caches = CACHES.into_iter().filter_map(|cache| Some((cache, cache.ask(values)?)));
    caches.inspect(|(_, ask)| ask(&all)).collect()
}

/// Runs what asks only for what is there.
fn only_hits<T>(run: impl FnOnce() -> T) -> T {
    let before = loads();
    let outcome = run();
    assert_eq!(loads(), before, "not every call was a hit");
    outcome
}
