use std::time::Duration;

use super::{FunctionSizing, Measured, Sizing, SizingFinding};
use crate::stats::{Counts, Histogram};

fn function(name: &str, sizes: (u64, u64), counts: Counts) -> FunctionSizing {
    FunctionSizing::new(name.to_owned(), sizes, counts)
}

fn sizing(functions: Vec<FunctionSizing>, saved: (u64, u64)) -> Sizing {
    let times = Histogram::default();
    (0..10).for_each(|_| times.record(Duration::from_millis(2)));
    Sizing::of(Measured {
        capacity: 1 << 20,
        bytes: functions.iter().map(|function| function.bytes).sum(),
        entries: functions.iter().map(|function| function.entries).sum(),
        saved,
        keys_per_sample: 1,
        functions,
        redis_times: times.read(),
    })
}

fn calls(memory_hits: u64, redis_hits: u64, misses: u64) -> Counts {
    let saved_micros = (memory_hits + redis_hits) * 10_000;
    Counts { memory_hits, redis_hits, misses, loads: misses, saved_micros, ..Counts::default() }
}

#[test]
fn the_hit_rates_of_larger_memories_include_the_loads_that_they_save() {
    let sizing = sizing(vec![function("f", (10, 1_000), calls(500, 100, 400))], (100, 250));
    let rates = [sizing.hit_rate, sizing.hit_rate_at_2x, sizing.hit_rate_at_4x];
    assert_eq!(rates, [0.5, 0.6, 0.75]);
    assert!(matches!(sizing.findings[..], [SizingFinding::MoreMemory { .. }]), "{sizing}");
}

#[test]
fn little_gain_and_few_calls_are_no_reason_for_more_memory() {
    let many = vec![function("f", (10, 1_000), calls(500, 0, 500))];
    assert_eq!(sizing(many, (9, 15)).findings, []);
    let few = vec![function("f", (10, 1_000), calls(50, 0, 50))];
    assert_eq!(sizing(few, (50, 50)).findings, []);
}

#[test]
fn a_function_that_takes_memory_without_hits_is_named() {
    let of = |hits: u64, bytes: u64| {
        let small = function("small", (1, 1_000), calls(2_000, 0, 10));
        sizing(vec![small, function("large", (9, bytes), calls(hits, 0, 1_000 - hits))], (0, 0))
    };
    let found = of(10, 9_000).findings;
    assert!(
        matches!(&found[..], [SizingFinding::RoomWithoutHits { function, bytes: 9_000, .. }] if function == "large"),
        "{found:?}"
    );
    assert_eq!(of(60, 9_000).findings, [], "enough hits");
    assert_eq!(of(10, 50).findings, [], "little memory");
}

#[test]
fn a_ttl_is_too_short_if_nearly_all_reloaded_values_are_unchanged() {
    let of = |reloads_compared: u64, reloads_unchanged: u64| {
        let counts = Counts { reloads_compared, reloads_unchanged, ..calls(900, 0, 100) };
        sizing(vec![function("f", (10, 1_000), counts)], (0, 0)).findings
    };
    assert!(matches!(
        of(20, 18)[..],
        [SizingFinding::ShortTtl { compared: 20, unchanged: 18, .. }]
    ));
    assert_eq!(of(20, 17), []);
    assert_eq!(of(19, 19), []);
}

#[test]
fn a_function_whose_requests_take_longer_than_its_loads_is_named() {
    let of = |load_micros: u64, redis_hits: u64| {
        let saved_micros = redis_hits * load_micros;
        let counts = Counts { saved_micros, ..calls(0, redis_hits, 1_000) };
        sizing(vec![function("f", (0, 0), counts)], (0, 0)).findings
    };
    // A request takes 2 ms: 3 for each of 1,000 misses, and one for each of 1,000 hits.
    assert!(matches!(of(7_900, 1_000)[..], [SizingFinding::CostsMoreThanItSaves { .. }]));
    assert_eq!(of(8_100, 1_000), []);
    assert_eq!(of(1, 0), [], "without hits in Redis, the requests are those of an empty cache");
}

#[test]
fn the_report_is_a_text_with_all_functions() {
    let text = sizing(vec![function("a::f", (3, 2_048), calls(900, 50, 50))], (20, 30)).to_string();
    let expected = "\
memory: 3 entries, 2.0 KiB of 1.0 MiB; 0 evictions
hit rate of memory: 90.0 %; with twice the capacity 92.0 %, with four times 93.0 % (estimated)
- more memory would answer more calls: 90.0 % with 1.0 MiB, about 92.0 % with 2.0 MiB, about 93.0 % with 4.0 MiB; set \
CACHE_MEMORY_CAPACITY
function    entries     memory   look-ups   hit rate
a::f              3    2.0 KiB       1000     90.0 %";
    assert_eq!(text, expected);
}
