//! The goals, in the order of the report.

use super::goal::{Goal, Limit};
use super::{Figures, measured};

use Limit::{AtLeast, AtMost};

/// All of them.
pub const GOALS: &[Goal] = &[
    goal("memory hit, one key, over raw `quick_cache`", AtMost(1.4), "x", |f| {
        measured::hit_over(f, "one key", "raw")
    }),
    goal("memory hit, 500 keys, over raw `quick_cache`", AtMost(1.5), "x", |f| {
        measured::hit_over(f, "500 keys", "raw")
    }),
    goal("memory hit, 10,000 keys, over raw `quick_cache`", AtMost(1.9), "x", |f| {
        measured::hit_over(f, "10,000 keys", "raw")
    }),
    goal("memory hit, 1,000,000 keys, over raw `quick_cache`", AtMost(2.2), "x", |f| {
        measured::hit_over(f, "1,000,000 keys", "raw")
    }),
    goal("memory hit, 10,000 keys, over `concurrent_cached`", AtMost(0.5), "x", |f| {
        measured::hit_over(f, "10,000 keys", "cached")
    }),
    goal("memory hits of 2 threads over 1, 500 keys each", AtLeast(1.9), "x", |f| {
        measured::two_threads(f, "u64, 500 keys each")
    }),
    goal("memory hits of 2 threads over 1, one key", AtLeast(1.9), "x", |f| {
        measured::two_threads(f, "u64, one key")
    }),
    goal("miss, over raw `quick_cache`", AtMost(4.0), "x", measured::miss),
    goal("Redis hit, 1 task, p50, over a raw GET", AtMost(1.05), "x", measured::redis_hit),
    goal("Redis hits per second, 64 tasks, over raw GETs", AtLeast(0.85), "x", |f| {
        measured::redis_throughput(f, "Redis hit, tiered, 100 B, 64 tasks")
    }),
    goal(
        "Redis hits per second, mode `redis`, 64 tasks, over raw MGETs",
        AtLeast(0.87),
        "x",
        |f| measured::redis_throughput(f, "Redis hit, mode redis, 100 B, 64 tasks"),
    ),
    goal("Redis hits per second, 256 tasks, one key, over raw GETs", AtLeast(4.0), "x", |f| {
        measured::redis_throughput(f, "Redis hot key, 256 tasks")
    }),
    goal(
        "100 ids in memory by one call, over 100 hits",
        AtMost(1.3),
        "x",
        measured::batch_in_memory,
    ),
    goal(
        "100 ids in Redis by one call, p50, over a raw MGET",
        AtMost(2.0),
        "x",
        measured::batch_over_mget,
    ),
    goal(
        "100 calls in turn in Redis, p50, over one call of 100 ids",
        AtLeast(10.0),
        "x",
        measured::calls_over_batch,
    ),
    goal(
        "loads of an id for 50 callers of ids that overlap",
        AtMost(1.0),
        "loads",
        measured::overlapping_loads,
    ),
    goal("loads for 1,000 callers of a cold key", AtMost(1.0), "loads", measured::herd_loads),
    goal("the time that takes, over one load", AtMost(1.05), "x", measured::herd_time),
    goal("invalidation in memory, 1,000,000 entries", AtMost(1_000.0), "ns", |f| {
        measured::invalidation(f, "memory invalidation, 1,000,000 entries")
    }),
    goal("the same, over 1,000 entries", AtMost(1.25), "x", |f| {
        measured::invalidation_growth(f, "memory invalidation")
    }),
    goal("invalidation in Redis, 1,000,000 entries", AtMost(1.05), "round trips", |f| {
        measured::invalidation(f, "round trips of a Redis invalidation, 1,000,000 entries")
    }),
    goal("its time, over 1,000 entries", AtMost(1.25), "x", |f| {
        measured::invalidation_growth(f, "Redis invalidation")
    }),
    goal("memory per entry of 32 bytes", AtMost(200.0), "bytes", measured::memory_per_entry),
    goal("memory in use, over the bound", AtMost(110.0), "%", measured::memory_over_bound),
    goal(
        "hit ratio, worst trace, below raw `quick_cache`",
        AtMost(0.5),
        "points",
        measured::hit_ratio_below_raw,
    ),
    goal("what an outage of Redis adds to a call", AtMost(50_000.0), "ns", measured::outage),
    goal("`GET /health` with 1,000 call sites, p99", AtMost(30_000_000.0), "ns", |f| {
        measured::admin(f, "GET /health")
    }),
    goal("`GET /stats` with 1,000 call sites, p99", AtMost(10_000_000.0), "ns", |f| {
        measured::admin(f, "GET /stats")
    }),
    goal("`GET /metrics` with 1,000 call sites, p99", AtMost(15_000_000.0), "ns", |f| {
        measured::admin(f, "GET /metrics")
    }),
    goal("crates, over `cached` with Redis", AtMost(0.5), "x", |f| {
        measured::build_over_cached(f, "crates")
    }),
    goal("cold build time, over `cached` with Redis", AtMost(0.6), "x", |f| {
        measured::build_over_cached(f, "cold build time")
    }),
    goal("release build, for 200 functions", AtMost(5.0), "s", measured::expansion),
];

const fn goal(
    name: &'static str,
    limit: Limit,
    unit: &'static str,
    measured: fn(&Figures) -> Option<f64>,
) -> Goal {
    Goal { name, limit, unit, measured }
}
