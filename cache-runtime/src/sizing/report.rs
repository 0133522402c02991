//! The report about the use of the memory store.

use std::fmt;

use serde::Serialize;

use super::finding::{SizingFinding, size};
use crate::stats::Counts;

/// The use of the memory store of a manager, since it was built or since
/// [`reset_stats`](crate::CacheManager::reset_stats). Returned by [`sizing`](crate::CacheManager::sizing).
///
/// Its `Display` is a text for people; `Serialize` writes every number.
///
/// # Larger capacities
///
/// The hit rates of larger capacities are estimates. The cache remembers a sample of the entries that had to leave
/// memory (SHARDS), and counts the values that come back while a larger memory would still hold them. The sample takes
/// less than 1 % of the capacity, and hits cost nothing. If nothing had to leave memory, all three rates are equal.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Sizing {
    /// The capacity of the memory store, in bytes.
    pub capacity: u64,
    /// The weight of its entries, in bytes.
    pub bytes: u64,
    /// The number of its entries, including stale ones.
    pub entries: u64,
    /// Look-ups: calls that were answered from a store, or missed.
    pub lookups: u64,
    /// Entries that had to leave memory for others.
    pub evictions: u64,
    /// The fraction of the look-ups that memory has answered, `0.0 ..= 1.0`; zero before the first call.
    pub hit_rate: f64,
    /// The estimate for twice the capacity.
    pub hit_rate_at_2x: f64,
    /// The estimate for four times the capacity.
    pub hit_rate_at_4x: f64,
    /// The number of keys that each key of the sample represents; 1 while all evicted keys are in it.
    pub keys_per_sample: u64,
    /// Each function that has been called or has entries in memory, ordered by their weight; the largest first.
    pub functions: Vec<FunctionSizing>,
    /// The advice that follows from the numbers.
    pub findings: Vec<SizingFinding>,
}

/// The use of memory by one function.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FunctionSizing {
    /// The name of the call site, as in [`SiteStats`](crate::SiteStats::name); `direct` for the direct API.
    pub name: String,
    /// The number of its entries in memory.
    pub entries: u64,
    /// Their weight in bytes.
    pub bytes: u64,
    /// The fraction of its look-ups that memory has answered.
    pub memory_hit_rate: f64,
    /// Its numbers.
    #[serde(flatten)]
    pub counts: Counts,
}

impl FunctionSizing {
    pub(crate) fn new(name: String, (entries, bytes): (u64, u64), counts: Counts) -> Self {
        let memory_hit_rate = rate(counts.memory_hits, lookups(&counts));
        FunctionSizing { name, entries, bytes, memory_hit_rate, counts }
    }
}

/// Returns the number of calls that were answered from a store or missed.
pub(super) fn lookups(counts: &Counts) -> u64 {
    counts.hits().saturating_add(counts.misses)
}

/// Returns a fraction, at most 1; zero of nothing.
pub(super) fn rate(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { (part as f64 / of as f64).min(1.0) }
}

impl fmt::Display for Sizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "memory: {} entries, {} of {}; {} evictions",
            self.entries,
            size(self.bytes),
            size(self.capacity),
            self.evictions
        )?;
        writeln!(
            f,
            "hit rate of memory: {:.1} %; with twice the capacity {:.1} %, with four times {:.1} % (estimated)",
            self.hit_rate * 100.0,
            self.hit_rate_at_2x * 100.0,
            self.hit_rate_at_4x * 100.0
        )?;
        for finding in &self.findings {
            writeln!(f, "- {finding}")?;
        }
        let names = self.functions.iter().map(|function| function.name.chars().count());
        let width = names.max().unwrap_or(0).max(8);
        write!(
            f,
            "{:width$}  {:>9} {:>10} {:>10} {:>10}",
            "function", "entries", "memory", "look-ups", "hit rate"
        )?;
        for function in &self.functions {
            write!(
                f,
                "\n{:width$}  {:>9} {:>10} {:>10} {:>8.1} %",
                function.name,
                function.entries,
                size(function.bytes),
                lookups(&function.counts),
                function.memory_hit_rate * 100.0
            )?;
        }
        Ok(())
    }
}
