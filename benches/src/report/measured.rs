//! The numbers that goals are about, from the figures of the benchmarks.

use super::Figures;

/// Ours in a table.
const OURS: &str = "cache-runtime";
/// The bare store in a table: `quick_cache` in memory, the client for Redis.
const RAW: &str = "raw";

/// The groups of a call of many keys in Redis.
const BATCH_MODES: [&str; 2] =
    ["100 ids in Redis, tiered, p50", "100 ids in Redis, mode redis, p50"];

type Measured = Option<f64>;

pub(super) fn hit_over(figures: &Figures, keys: &str, other: &str) -> Measured {
    figures.ratio(&format!("memory hit, u64, {keys}"), OURS, other)
}

/// Not measured if other programs have left less than two cores, as what shares nothing shows.
pub(super) fn two_threads(figures: &Figures, keys: &str) -> Measured {
    let group = format!("throughput of 2 threads over 1, {keys}");
    let idle = figures.value(&group, "no cache")? > 1.85;
    figures.value(&group, OURS).filter(|_| idle)
}

pub(super) fn miss(figures: &Figures) -> Measured {
    figures.ratio("miss, u64", OURS, RAW)
}

/// Returns the medians of single calls, if there are such.
pub(super) fn redis_hit(figures: &Figures) -> Measured {
    let of_medians = figures.ratio("Redis hit p50, tiered, 100 B", OURS, RAW);
    of_medians.or_else(|| figures.ratio("Redis hit, tiered, 100 B, 1 task", OURS, RAW))
}

pub(super) fn redis_throughput(figures: &Figures, group: &str) -> Measured {
    Some(1.0 / figures.ratio(group, OURS, RAW)?)
}

pub(super) fn herd_loads(figures: &Figures) -> Measured {
    figures.value("stampede, one key, loads", OURS)
}

pub(super) fn herd_time(figures: &Figures) -> Measured {
    figures.ratio("stampede, one key", OURS, "one load")
}

/// With the keys for which it is most.
pub(super) fn batch_in_memory(figures: &Figures) -> Measured {
    let kinds = figures.groups("100 ids in memory, HashMap, ").into_iter();
    let over = kinds.filter_map(|(keys, _)| {
        figures.ratio(&format!("100 ids in memory, HashMap, {keys}"), OURS, "100 single hits")
    });
    over.reduce(f64::max)
}

/// In the mode in which it is most, of the medians of calls.
pub(super) fn batch_over_mget(figures: &Figures) -> Measured {
    let over = BATCH_MODES.into_iter().filter_map(|group| figures.ratio(group, OURS, RAW));
    over.reduce(f64::max)
}

/// In the mode in which it is least, of the medians of calls.
pub(super) fn calls_over_batch(figures: &Figures) -> Measured {
    let over =
        BATCH_MODES.into_iter().filter_map(|group| figures.ratio(group, "100 calls in turn", OURS));
    over.reduce(f64::min)
}

pub(super) fn overlapping_loads(figures: &Figures) -> Measured {
    figures.value("50 callers of 100 cold ids, loads", OURS)
}

/// Of the slowest of our ways to invalidate.
pub(super) fn invalidation(figures: &Figures, group: &str) -> Measured {
    let figures = figures.0.iter().filter(|figure| figure.group == group);
    let ours = figures.filter(|figure| figure.name.starts_with(OURS));
    ours.map(|figure| figure.value).reduce(f64::max)
}

pub(super) fn invalidation_growth(figures: &Figures, what: &str) -> Measured {
    let many = invalidation(figures, &format!("{what}, 1,000,000 entries"))?;
    Some(many / invalidation(figures, &format!("{what}, 1,000 entries"))?)
}

pub(super) fn memory_per_entry(figures: &Figures) -> Measured {
    figures.value("memory per entry", OURS)
}

/// For the values with which it is worst.
pub(super) fn memory_over_bound(figures: &Figures) -> Measured {
    let bounds = figures.groups("memory in use, ");
    bounds.iter().flat_map(|(_, sizes)| sizes).map(|size| size.value).reduce(f64::max)
}

pub(super) fn hit_ratio_below_raw(figures: &Figures) -> Measured {
    let below = figures.groups("hit ratio, ").into_iter().filter_map(|(trace, _)| {
        let of = |name| figures.value(&format!("hit ratio, {trace}"), name);
        Some(of(RAW)? - of(OURS)?)
    });
    below.reduce(f64::max)
}

pub(super) fn admin(figures: &Figures, route: &str) -> Measured {
    figures.value(&format!("admin, {route}"), "p99")
}

/// In the kind of outage in which it is most.
pub(super) fn outage(figures: &Figures) -> Measured {
    let added = figures.groups("outage, ").into_iter().filter_map(|(kind, _)| {
        let of = |name| figures.value(&format!("outage, {kind}"), name);
        Some(of("median")? - of("without cache")?)
    });
    added.reduce(f64::max)
}

pub(super) fn build_over_cached(figures: &Figures, what: &str) -> Measured {
    figures.ratio(what, OURS, "cached")
}

pub(super) fn expansion(figures: &Figures) -> Measured {
    figures.value("expansion, 200 functions", OURS)
}
