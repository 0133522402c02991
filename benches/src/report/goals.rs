//! What is to be reached, goal by goal.

use super::Figures;
use super::goal::{Goal, Limit};

use Limit::{AtLeast, AtMost};

/// Ours in a table.
const OURS: &str = "cache-runtime";
/// The bare store in a table: `quick_cache` in memory, the client for Redis.
const RAW: &str = "raw";

const fn goal(
    name: &'static str,
    limit: Limit,
    unit: &'static str,
    measured: fn(&Figures) -> Option<f64>,
) -> Goal {
    Goal { name, limit, unit, measured }
}

/// All of them.
pub const GOALS: &[Goal] = &[
    goal("memory hit, 10,000 keys, over raw quick_cache", AtMost(1.6), "x", |figures| {
        figures.ratio("memory hit, u64, 10,000 keys", OURS, RAW)
    }),
    goal("memory hit, 500 keys, over raw quick_cache", AtMost(1.3), "x", |figures| {
        figures.ratio("memory hit, u64, 500 keys", OURS, RAW)
    }),
    goal("memory hit, 10,000 keys, over `concurrent_cached`", AtMost(0.5), "x", |figures| {
        figures.ratio("memory hit, u64, 10,000 keys", OURS, "cached")
    }),
    goal("2 threads over 1, keys of their own", AtLeast(1.8), "x", |figures| {
        two_threads(figures, "u64, keys of their own")
    }),
    goal("2 threads over 1, one key", AtLeast(1.8), "x", |figures| {
        two_threads(figures, "u64, one key")
    }),
    goal("Redis hit, `tiered`, 1 task, over a raw GET", AtMost(1.15), "x", |figures| {
        figures.ratio("Redis hit, tiered, 100 B, 1 task", OURS, RAW)
    }),
    goal(
        "throughput of Redis hits, `tiered`, 64 tasks, over raw GETs",
        AtLeast(0.85),
        "x",
        |figures| Some(1.0 / figures.ratio("Redis hit, tiered, 100 B, 64 tasks", OURS, RAW)?),
    ),
    goal(
        "throughput of one hot key in Redis, 256 tasks, over raw GETs",
        AtLeast(5.0),
        "x",
        |figures| Some(1.0 / figures.ratio("Redis hot key, 256 tasks", OURS, RAW)?),
    ),
    goal("loads for 1,000 callers of a cold key", AtMost(1.0), "loads", |figures| {
        figures.value("stampede, one key, loads", OURS)
    }),
    goal("time until they are answered, over one load", AtMost(1.1), "x", |figures| {
        figures.ratio("stampede, one key", OURS, "one load")
    }),
    goal("invalidation in memory of 1,000,000 entries", AtMost(1_000.0), "ns", |figures| {
        slowest(figures, "memory invalidation, 1,000,000 entries")
    }),
    goal("the same, over one of 1,000 entries", AtMost(1.25), "x", |figures| {
        growth(figures, "memory invalidation")
    }),
    goal(
        "invalidation in Redis of 1,000,000 entries, over one of 1,000",
        AtMost(1.25),
        "x",
        |figures| growth(figures, "Redis invalidation"),
    ),
    goal("memory per entry of 32 bytes", AtMost(280.0), "bytes", |figures| {
        figures.value("memory per entry", OURS)
    }),
    goal("memory in use, as a part of the bound", AtMost(110.0), "%", |figures| {
        let bounds = figures.groups("memory in use, as a part of the bound");
        bounds.iter().flat_map(|(_, parts)| parts).map(|part| part.value).reduce(f64::max)
    }),
    goal(
        "hit ratio below raw quick_cache's, on the worst trace",
        AtMost(0.5),
        "points",
        |figures| {
            let traces = figures.groups("hit ratio, ");
            let below = traces.iter().filter_map(|(trace, _)| {
                let of = |name| figures.value(&format!("hit ratio, {trace}"), name);
                Some(of(RAW)? - of(OURS)?)
            });
            below.reduce(f64::max)
        },
    ),
    goal("what an outage adds to a call", AtMost(50_000.0), "ns", |figures| {
        let outages = figures.groups("outage");
        let medians = outages.iter().flat_map(|(_, all)| all).filter(|f| f.name.contains("median"));
        medians.map(|figure| figure.value).reduce(f64::max)
    }),
    goal("crates, over `cached` with Redis", AtMost(0.5), "x", |figures| {
        figures.ratio("crates", OURS, "cached")
    }),
    goal("cold build time, over `cached` with Redis", AtMost(0.5), "x", |figures| {
        figures.ratio("cold build time", OURS, "cached")
    }),
    goal("release build, 200 functions more", AtMost(5.0), "s", |figures| {
        figures.value("expansion, 200 functions", OURS)
    }),
];

/// How much more two threads get done than one: unless other programs have left them less than two
/// cores, as what shares nothing shows.
fn two_threads(figures: &Figures, what: &str) -> Option<f64> {
    let group = format!("throughput of 2 threads over 1, {what}");
    let idle = figures.value(&group, "no cache")? > 1.9;
    figures.value(&group, OURS).filter(|_| idle)
}

/// The slowest of our ways to invalidate.
fn slowest(figures: &Figures, group: &str) -> Option<f64> {
    let groups = figures.groups(group);
    let ours =
        groups.iter().flat_map(|(_, all)| all).filter(|figure| figure.name.starts_with(OURS));
    ours.map(|figure| figure.value).reduce(f64::max)
}

/// By how much the slowest of them is slower for a million entries than for a thousand.
fn growth(figures: &Figures, what: &str) -> Option<f64> {
    let many = slowest(figures, &format!("{what}, 1,000,000 entries"))?;
    Some(many / slowest(figures, &format!("{what}, 1,000 entries"))?)
}
