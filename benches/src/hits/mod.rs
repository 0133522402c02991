//! Counts the requests of a trace that find their key.

mod optimum;
mod policies;
mod trace;

pub use trace::Trace;

/// The hit ratio of one cache, in percent.
#[derive(Clone, Copy, Debug)]
pub struct HitRatio {
    /// Whose.
    pub name: &'static str,
    /// The share in percent.
    pub percent: f64,
}

/// The hit ratios of all caches with room for about this many entries, and for how many exactly: for
/// as many as were in ours in the end, whose room is in bytes.
pub fn hit_ratios(trace: &Trace, entries: usize) -> (Vec<HitRatio>, usize) {
    let keys = &trace.keys;
    let (ours, entries) = policies::ours(keys, entries);
    let ratios = [
        ("optimum", optimum::misses(keys, entries)),
        ("raw quick_cache", policies::quick_cache(keys, entries)),
        ("cache-runtime", ours),
        ("moka", policies::moka(keys, entries)),
        ("LRU", policies::lru(keys, entries)),
    ];
    let percent = |misses: usize| 100.0 * (1.0 - misses as f64 / keys.len().max(1) as f64);
    let ratios = ratios.map(|(name, misses)| HitRatio { name, percent: percent(misses) });
    (ratios.into(), entries)
}
