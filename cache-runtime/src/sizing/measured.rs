//! Makes the report from measurements.

use super::advice;
use super::report::{FunctionSizing, Sizing, lookups, rate};
use crate::stats::{Counts, Latencies};

/// The measurements from which a report is made.
pub(crate) struct Measured {
    pub(crate) capacity: u64,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    /// The estimated numbers of loads that twice and four times the capacity would have saved.
    pub(crate) saved: (u64, u64),
    pub(crate) keys_per_sample: u64,
    pub(crate) functions: Vec<FunctionSizing>,
    pub(crate) redis_times: Latencies,
}

impl Sizing {
    pub(crate) fn of(measured: Measured) -> Self {
        let Measured { capacity, bytes, entries, saved, keys_per_sample, functions, .. } = measured;
        let mut functions = functions;
        functions.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        let total = functions.iter().fold(Counts::default(), |sum, f| sum.plus(f.counts));
        let lookups = lookups(&total);
        let with = |saved: u64| rate(total.memory_hits.saturating_add(saved), lookups);
        let mut sizing = Sizing {
            capacity,
            bytes,
            entries,
            lookups,
            evictions: total.evictions,
            hit_rate: with(0),
            hit_rate_at_2x: with(saved.0),
            hit_rate_at_4x: with(saved.1),
            keys_per_sample,
            functions,
            findings: Vec::new(),
        };
        sizing.findings = advice::all(&sizing, &measured.redis_times);
        sizing
    }
}
