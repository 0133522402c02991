//! The statistics of a cache, which do not slow it down.
//!
//! A memory hit is counted in a stripe that belongs to the counting thread alone (a load and a
//! store, no locked instruction); everything slower than that is counted in plain atomics.

pub(crate) mod events;
mod fleet;
mod histogram;
pub(crate) mod seldom;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use once_cell::sync::Lazy;

use crate::support::clock;
use crate::support::lock::Mutex;
use serde::{Serialize, Serializer};

pub(crate) use fleet::{Beyond, FleetSums, Total, totals_of};
pub use fleet::{FleetSite, FleetStats};
pub(crate) use histogram::Histogram;
pub use histogram::Latencies;

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
    /// [`set_enabled`](crate::CacheManager::set_enabled).
    pub enabled: bool,
    /// The durations of its loads.
    pub load_times: Latencies,
    /// The numbers.
    #[serde(flatten)]
    pub counts: Counts,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Numbers of one call site, or of all.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Counts {
            /// Calls answered from the memory store.
            pub memory_hits: u64,
            $($(#[$doc])* pub $name: u64,)*
            /// Microseconds of load time that hits have saved, from the measured load times.
            pub saved_micros: u64,
            /// The cost that was saved: the call site's `cost` for each hit, and for each caller that
            /// waited for another caller's load.
            pub saved_cost: f64,
        }

        /// The numbers that are counted off the hit path.
        #[derive(Debug, Default)]
        pub(crate) struct Slow { $(pub(crate) $name: Counter,)* pub(crate) saved_micros: Counter }

        impl Slow {
            fn read(&self) -> Counts {
                Counts {
                    memory_hits: 0,
                    $($name: self.$name.get(),)*
                    saved_micros: self.saved_micros.get(),
                    saved_cost: 0.0,
                }
            }
        }

        impl Counts {
            fn combine(self, other: Counts, op: fn(u64, u64) -> u64) -> Counts {
                Counts {
                    memory_hits: op(self.memory_hits, other.memory_hits),
                    $($name: op(self.$name, other.$name),)*
                    saved_micros: op(self.saved_micros, other.saved_micros),
                    saved_cost: self.saved_cost,
                }
            }

            fn fields(&self) -> Vec<(&'static str, u64)> {
                vec![
                    ("memory_hits", self.memory_hits),
                    $((stringify!($name), self.$name),)*
                    ("saved_micros", self.saved_micros),
                ]
            }

            fn field(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    "memory_hits" => Some(&mut self.memory_hits),
                    $(stringify!($name) => Some(&mut self.$name),)*
                    "saved_micros" => Some(&mut self.saved_micros),
                    _ => None,
                }
            }
        }
    };
}

counts! {
    /// Calls answered from Redis, including those that shared another call's read.
    redis_hits,
    /// Calls that found no fresh value: they loaded, or waited for a load.
    misses,
    /// Runs of a body to fill the cache.
    loads,
    /// Those that returned an error.
    load_errors,
    /// Microseconds spent in loads.
    load_micros,
    /// Calls that waited for another caller's load instead of loading.
    coalesced,
    /// Values served past their TTL.
    stale_served,
    /// Refreshes: loads, in the background or in a caller, while the previous value was served.
    refreshes,
    /// Values stored.
    stores,
    /// Values that were not stored because an invalidation or another load came first.
    refused,
    /// Values that were not stored because they exceed the size limit or the code of their type panics,
    /// and calls that were not cached because they have no key.
    not_stored,
    /// Values that were not stored in Redis because Redis would not return them unchanged.
    lossy,
    /// Entries found that could not be decoded exactly.
    decode_failures,
    /// Calls that bypassed the cache, by `bypass_if`.
    bypassed,
}

impl Counts {
    /// Calls answered from a store.
    pub fn hits(&self) -> u64 {
        self.memory_hits.saturating_add(self.redis_hits)
    }

    /// Returns the fraction of hits among hits and misses, `0.0 ..= 1.0`; zero before the first call.
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits().saturating_add(self.misses);
        if calls == 0 { 0.0 } else { self.hits() as f64 / calls as f64 }
    }

    /// Returns the mean time of a load.
    pub fn mean_load(&self) -> Duration {
        Duration::from_micros(self.load_micros.checked_div(self.loads).unwrap_or(0))
    }

    /// Returns the load time that hits have saved.
    pub fn time_saved(&self) -> Duration {
        Duration::from_micros(self.saved_micros)
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        let sum = self.combine(other, u64::saturating_add);
        Counts { saved_cost: self.saved_cost + other.saved_cost, ..sum }
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.fields() {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("saved_cost", &self.saved_cost)?;
        map.serialize_entry("hits", &self.hits())?;
        map.serialize_entry("hit_rate", &self.hit_rate())?;
        map.end()
    }
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
        )
    }
}

/// The counts of call sites, and of all of them, for people.
fn table<'a>(
    f: &mut fmt::Formatter<'_>,
    total: &'a Counts,
    sites: impl Iterator<Item = (&'a str, &'a Counts)>,
) -> fmt::Result {
    let rows = sites.chain([("total", total)]).map(|(name, counts)| (printable(name), counts));
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(9);
    writeln!(
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
    for (name, counts) in rows {
        writeln!(
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
    }
    Ok(())
}

/// A name to be a part of a line. In the sums of all processes it is whatever Redis holds: what would steer a
/// terminal is escaped, as in Rust.
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

/// A number that any thread may raise.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    ever: AtomicU64,
    zero: AtomicU64,
}

impl Counter {
    pub(crate) fn add(&self, by: u64) {
        self.ever.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.ever().saturating_sub(self.zero.load(Ordering::Relaxed))
    }

    /// Returns the count since the start of the process, which a reset does not change.
    pub(crate) fn ever(&self) -> u64 {
        self.ever.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.zero.store(self.ever(), Ordering::Relaxed);
    }
}

/// The counters of one call site in one manager.
pub(crate) struct SiteCounters {
    hits: Box<[Stripe]>,
    /// Those of all threads that own no stripe.
    shared_hits: Stripe,
    pub(crate) slow: Slow,
    pub(crate) load_times: Histogram,
    /// True if its calls bypass the cache, because it is switched off.
    off: AtomicBool,
    cost: f64,
    baseline: Mutex<Counts>,
}

/// One thread's counters, on a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    saved_micros: AtomicU64,
}

impl SiteCounters {
    pub(crate) fn new(cost: f64) -> Self {
        SiteCounters {
            hits: (0..*OWNED).map(|_| Stripe::default()).collect(),
            shared_hits: Stripe::default(),
            slow: Slow::default(),
            load_times: Histogram::default(),
            off: AtomicBool::new(false),
            cost,
            baseline: Mutex::default(),
        }
    }

    /// Returns true if the calls of this site use the cache.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        !self.off.load(Ordering::Relaxed)
    }

    pub(crate) fn switch(&self, on: bool) {
        self.off.store(!on, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn memory_hit(&self, load_micros: u64) {
        match self.hits.get(THREAD.get()) {
            Some(stripe) => stripe.add_alone(load_micros),
            None => self.shared_hit(load_micros),
        }
    }

    /// The first hit of a thread, and all hits of threads beyond the number of stripes.
    #[cold]
    fn shared_hit(&self, load_micros: u64) {
        // With `fetch_add`, no hit is lost, whether this thread owns the stripe or not.
        let stripe = self.hits.get(thread_slot()).unwrap_or(&self.shared_hits);
        look_after_clock(stripe.hits.fetch_add(1, Ordering::Relaxed));
        stripe.saved_micros.fetch_add(load_micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        let now = self.read_all();
        let baseline = *self.baseline.lock();
        self.priced(now.combine(baseline, u64::saturating_sub))
    }

    /// All that was ever counted, whatever has been reset.
    pub(crate) fn ever(&self) -> Counts {
        self.priced(self.read_all())
    }

    fn priced(&self, counts: Counts) -> Counts {
        let saved = counts.hits().saturating_add(counts.coalesced);
        Counts { saved_cost: saved as f64 * self.cost, ..counts }
    }

    /// Counters that other threads own cannot be set back: their present values become the zero.
    pub(crate) fn reset(&self) {
        *self.baseline.lock() = self.read_all();
        self.load_times.reset();
    }

    fn read_all(&self) -> Counts {
        self.hits.iter().chain([&self.shared_hits]).fold(self.slow.read(), |sum, stripe| Counts {
            memory_hits: sum.memory_hits.saturating_add(stripe.hits.load(Ordering::Relaxed)),
            saved_micros: sum
                .saved_micros
                .saturating_add(stripe.saved_micros.load(Ordering::Relaxed)),
            ..sum
        })
    }
}

impl fmt::Debug for SiteCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl Stripe {
    /// For the one thread that owns this stripe.
    #[inline]
    fn add_alone(&self, load_micros: u64) {
        let hits = self.hits.load(Ordering::Relaxed);
        look_after_clock(hits);
        self.hits.store(hits + 1, Ordering::Relaxed);
        let saved = self.saved_micros.load(Ordering::Relaxed);
        self.saved_micros.store(saved + load_micros, Ordering::Relaxed);
    }
}

/// Each 64th hit keeps the clock going, and finds out whether it does: the others only read it.
#[inline]
fn look_after_clock(hits: u64) {
    if hits.is_multiple_of(64) {
        clock::look_after();
    }
}

/// The number of stripes, each with one thread as its owner.
static OWNED: Lazy<usize> = Lazy::new(|| {
    let cores = std::thread::available_parallelism().map_or(4, usize::from);
    (cores * 2).clamp(4, 64)
});

const UNASSIGNED: usize = usize::MAX;

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(UNASSIGNED) };
    static LEASE: StripeLease = StripeLease::take();
}

/// The slots that threads have given back, and the next that was never given out.
static SLOTS: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

/// A thread's right to its slot, given back when the thread ends.
struct StripeLease(usize);

impl StripeLease {
    fn take() -> Self {
        let mut slots = SLOTS.lock();
        let slot = slots.0.pop().unwrap_or_else(|| {
            slots.1 += 1;
            slots.1 - 1
        });
        StripeLease(slot)
    }
}

impl Drop for StripeLease {
    fn drop(&mut self) {
        THREAD.set(UNASSIGNED);
        SLOTS.lock().0.push(self.0);
    }
}

fn thread_slot() -> usize {
    if THREAD.get() == UNASSIGNED {
        // A thread that is ending has returned its stripe, and counts in the shared one.
        let Ok(slot) = LEASE.try_with(|lease| lease.0) else {
            return UNASSIGNED;
        };
        THREAD.set(slot);
    }
    THREAD.get()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed thread fails the test")]
    use super::*;

    #[test]
    fn hits_of_many_threads_add_up() {
        let counters = SiteCounters::new(0.5);
        std::thread::scope(|scope| {
            for _ in 0..*OWNED + 3 {
                scope.spawn(|| (0..1_000).for_each(|_| counters.memory_hit(2)));
            }
        });
        let hits = (*OWNED as u64 + 3) * 1_000;
        let counts = counters.read();
        assert_eq!((counts.memory_hits, counts.saved_micros), (hits, hits * 2));
        assert!((counts.saved_cost - hits as f64 * 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_reset_starts_from_zero() {
        let counters = SiteCounters::new(0.0);
        counters.memory_hit(1);
        counters.slow.misses.one();
        counters.reset();
        counters.memory_hit(1);
        let counts = counters.read();
        assert_eq!((counts.memory_hits, counts.misses), (1, 0));
        assert!((counts.hit_rate() - 1.0).abs() < f64::EPSILON);
    }
}
