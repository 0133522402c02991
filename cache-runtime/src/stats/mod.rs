//! The statistics of a cache, with little cost for calls.

mod counters;
mod counts;
pub(crate) mod events;
mod fleet;
mod gates;
mod histogram;
mod outbox;
pub(crate) mod seldom;
mod verification;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

pub(crate) use counters::SiteCounters;
pub(crate) use counts::Counter;
pub use counts::Counts;
pub(crate) use fleet::{Beyond, FleetSums, Total, totals_of};
pub use fleet::{FleetSite, FleetStats};
pub use gates::GateStats;
pub(crate) use histogram::Histogram;
pub use histogram::Latencies;
pub use outbox::OutboxLag;
pub(crate) use verification::Verification;

/// The statistics of a manager since it was built, or since
/// [`reset_stats`](crate::CacheManager::reset_stats).
///
/// Its `Display` is a table for people; `Serialize` gives every number and the rates.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// The sum over all call sites.
    pub total: Counts,
    /// Each call site that has been called, ordered by name.
    pub sites: Vec<SiteStats>,
    /// Requested invalidations: names, prefixes, tags, patterns.
    pub invalidations: u64,
    /// Redis operations that failed or exceeded their deadline.
    pub redis_errors: u64,
    /// The number of outages of Redis.
    pub redis_outages: u64,
    /// The response times of Redis.
    pub redis_times: Latencies,
    /// Received invalidations of other processes.
    pub notices: u64,
    /// The number of interruptions of the feed of invalidations.
    pub feed_interruptions: u64,
    /// Pending invalidations: those that Redis has not confirmed.
    pub pending_invalidations: u64,
    /// The outbox, as a relay of this process has reported it last.
    pub outbox: OutboxLag,
    /// The sources with a limit, ordered by name.
    pub sources: Vec<GateStats>,
    /// The functions with a limit of their own (`max_loads`) that have been loaded, ordered by name.
    pub limits: Vec<GateStats>,
    /// Loads in progress that other callers can join.
    pub flights: u64,
    /// Loads that run in the background.
    pub background_loads: u64,
    /// Entries in the memory store, including stale ones.
    pub entries: u64,
    /// The weight of these entries in bytes.
    pub bytes: u64,
    /// The capacity of the memory store in bytes.
    pub capacity: u64,
}

/// The numbers of one call site.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SiteStats {
    /// `module::function`, with the type parameters of a generic instance; `direct` for the
    /// methods of the manager.
    pub name: String,
    /// The prefix of its entries' names.
    pub prefix: String,
    /// True if its calls use the cache: see
    /// [`set_enabled`](crate::CacheManager::set_enabled). False in mode [`off`](crate::Mode::Off).
    pub enabled: bool,
    /// Bodies that run now. Only those of functions with `source` or `max_loads` are counted.
    pub running: u64,
    /// Loads that wait now for a permit.
    pub waiting: u64,
    /// The durations of its loads.
    pub load_times: Latencies,
    /// The numbers.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Stats {
    pub(crate) fn of_sites(mut sites: Vec<SiteStats>) -> Self {
        sites.sort_by(|a, b| a.name.cmp(&b.name));
        let total = sites.iter().fold(Counts::default(), |sum, site| sum.plus(site.counts));
        Stats { total, sites, ..Stats::default() }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.sites.iter().map(|site| (site.name.as_str(), &site.counts));
        table(f, &self.total, rows)?;
        write!(
            f,
            "{} entries, {} of {} bytes in memory; {} invalidations; {} Redis errors",
            self.entries, self.bytes, self.capacity, self.invalidations, self.redis_errors
        )?;
        if self.total.bypassed > 0 {
            write!(f, "; {} calls bypassed the cache", self.total.bypassed)?;
        }
        self.sources.iter().chain(&self.limits).try_for_each(|gate| write!(f, "\n{gate}"))
    }
}

/// Returns a table of the counts of call sites and of their sum, for people.
fn table<'a>(
    f: &mut fmt::Formatter<'_>,
    total: &'a Counts,
    sites: impl Iterator<Item = (&'a str, &'a Counts)>,
) -> fmt::Result {
    let rows = sites.chain([("total", total)]).map(|(name, counts)| (printable(name), counts));
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(9);
    // Few programs have functions of many keys.
    let has_batches = total.batches > 0;
    write!(
        f,
        "{:width$}  {:>10} {:>10} {:>8} {:>8} {:>9} {:>9} {:>10} {:>9}",
        "call site",
        "memory hit",
        "redis hit",
        "misses",
        "loads",
        "coalesced",
        "hit rate",
        "mean load",
        "saved"
    )?;
    writeln!(f, "{}", if has_batches { "  keys/batch" } else { "" })?;
    for (name, counts) in rows {
        write!(
            f,
            "{name:width$}  {:>10} {:>10} {:>8} {:>8} {:>9} {:>8.1}% {:>10} {:>9}",
            counts.memory_hits,
            counts.redis_hits,
            counts.misses,
            counts.loads,
            counts.coalesced,
            counts.hit_rate() * 100.0,
            format!("{:.1?}", counts.mean_load()),
            format!("{:.1?}", counts.time_saved()),
        )?;
        let batch = match counts.batches {
            0 => String::new(),
            _ => format!("  {:>10.1}", counts.mean_batch()),
        };
        writeln!(f, "{batch}")?;
    }
    Ok(())
}

/// Returns a name for use in a line. In the sums of all processes it comes from Redis: control characters for
/// a terminal are escaped, as in Rust.
fn printable(name: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        c.is_control() || hides
    };
    if !name.contains(steers) {
        return Cow::Borrowed(name);
    }
    let part = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    name.chars().map(part).collect()
}
