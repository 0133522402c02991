//! The counters of a call site.
//!
//! A memory hit is counted in a stripe that belongs to the counting thread alone (a load and a store, no
//! locked instruction). All slower events are counted in plain atomics.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use once_cell::sync::Lazy;

use super::counts::{Counts, Slow};
use super::histogram::Histogram;
use super::verification::Verification;
use crate::support::clock;
use crate::support::lock::Mutex;

/// The number of bodies that are watched before only some are.
const WATCHED_FIRST: u64 = 16;
/// One of this number of bodies is watched from then on.
const WATCHED_EVERY: u64 = 64;
/// The value of one of this number of loads is compared with the expired one.
const COMPARED_EVERY: u64 = 8;

/// The function is switched off, so that its calls bypass the cache.
const OFF: u8 = 1;
/// A hit is to be verified, which memory does not answer at once.
const VERIFY: u8 = 2;

/// The counters of one call site in one manager.
pub(crate) struct SiteCounters {
    hits: Box<[Stripe]>,
    /// The counters of all threads that own no stripe.
    shared_hits: Stripe,
    pub(crate) slow: Slow,
    pub(crate) load_times: Histogram,
    /// The bodies with a permit, and the loads that wait for one.
    running: AtomicU64,
    waiting: AtomicU64,
    /// The loads whose body has begun.
    begun: AtomicU64,
    /// The reasons for which memory does not answer its calls at once: a set of [`OFF`] and [`VERIFY`].
    detours: AtomicU8,
    /// Present if its hits are checked against their source.
    verification: Option<Verification>,
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
            running: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            detours: AtomicU8::new(0),
            verification: None,
            cost,
            baseline: Mutex::default(),
        }
    }

    /// Returns counters of a site whose hits are checked against their source.
    pub(crate) fn verified(self, verification: Option<Verification>) -> Self {
        SiteCounters { verification, ..self }
    }

    /// Returns true if memory answers the calls of this site at once.
    #[inline]
    pub(crate) fn is_direct(&self) -> bool {
        self.detours.load(Ordering::Relaxed) == 0
    }

    /// Returns true if the calls of this site use the cache.
    pub(crate) fn is_on(&self) -> bool {
        self.detours.load(Ordering::Relaxed) & OFF == 0
    }

    pub(crate) fn switch(&self, on: bool) {
        match on {
            true => self.detours.fetch_and(!OFF, Ordering::Relaxed),
            false => self.detours.fetch_or(OFF, Ordering::Relaxed),
        };
    }

    /// Returns true if the next hit is to be verified.
    #[inline]
    pub(crate) fn is_verification_due(&self) -> bool {
        self.verification.as_ref().is_some_and(Verification::is_due)
    }

    /// Returns true to the one hit that is to be verified now.
    pub(crate) fn claim_verification(&self) -> bool {
        let claimed = self.verification.as_ref().is_some_and(Verification::claim);
        if claimed {
            self.detours.fetch_and(!VERIFY, Ordering::Relaxed);
        }
        claimed
    }

    /// Notes that a body begins.
    pub(crate) fn body_begins(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a body has its permits.
    pub(crate) fn body_enters(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a body has given its permits back.
    pub(crate) fn body_leaves(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that a load waits for a permit.
    pub(crate) fn load_waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a load waits no longer.
    pub(crate) fn load_waited(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the number of bodies with a permit, and that of loads that wait for one.
    pub(crate) fn at_gates(&self) -> (u64, u64) {
        (self.running.load(Ordering::Relaxed), self.waiting.load(Ordering::Relaxed))
    }

    /// Returns true if the memory hits of the body that has begun last are noted as calls of this site: those of
    /// the first bodies, and then of some.
    pub(crate) fn is_watched(&self) -> bool {
        let before = self.begun.load(Ordering::Relaxed).saturating_sub(1);
        before < WATCHED_FIRST || before.is_multiple_of(WATCHED_EVERY)
    }

    /// Returns true if the value of the body that has begun last is compared with the expired one.
    pub(crate) fn compares_reload(&self) -> bool {
        self.begun.load(Ordering::Relaxed).is_multiple_of(COMPARED_EVERY)
    }

    #[inline]
    pub(crate) fn memory_hit(&self, load_micros: u64) {
        match self.hits.get(THREAD.get()) {
            Some(stripe) if stripe.add_alone(load_micros) => self.look_after(),
            Some(_) => {}
            None => self.shared_hit(load_micros),
        }
    }

    /// Counts the first hit of a thread, and all hits of threads beyond the number of stripes.
    #[cold]
    fn shared_hit(&self, load_micros: u64) {
        // With `fetch_add`, no hit is lost, whether this thread owns the stripe or not.
        let stripe = self.hits.get(thread_slot()).unwrap_or(&self.shared_hits);
        let hits = stripe.hits.fetch_add(1, Ordering::Relaxed);
        stripe.saved_micros.fetch_add(load_micros, Ordering::Relaxed);
        if is_checkpoint(hits) {
            self.look_after();
        }
    }

    /// Keeps the clock updated. If a verification is due, the next hit takes the long way.
    #[cold]
    fn look_after(&self) {
        clock::look_after();
        if self.is_verification_due() {
            self.detours.fetch_or(VERIFY, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Counts {
        let now = self.read_all();
        let baseline = *self.baseline.lock();
        self.priced(now.combine(baseline, u64::saturating_sub))
    }

    /// Returns the counts since the start of the process, which a reset does not change.
    pub(crate) fn ever(&self) -> Counts {
        self.priced(self.read_all())
    }

    fn priced(&self, counts: Counts) -> Counts {
        let saved = counts.hits().saturating_add(counts.coalesced);
        Counts { saved_cost: saved as f64 * self.cost, ..counts }
    }

    /// Counters that other threads own cannot be reset. Their present values become the new zero.
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
    /// Counts a hit. Called only by the thread that owns this stripe. Returns true at each 64th hit.
    #[inline]
    fn add_alone(&self, load_micros: u64) -> bool {
        let hits = self.hits.load(Ordering::Relaxed);
        self.hits.store(hits + 1, Ordering::Relaxed);
        let saved = self.saved_micros.load(Ordering::Relaxed);
        self.saved_micros.store(saved + load_micros, Ordering::Relaxed);
        is_checkpoint(hits)
    }
}

/// Returns true at each 64th hit, which checks that the clock is updated. The other hits only read the clock.
#[inline]
fn is_checkpoint(hits: u64) -> bool {
    hits.is_multiple_of(64)
}

/// The number of stripes. Each has one thread as its owner.
static OWNED: Lazy<usize> = Lazy::new(|| {
    let cores = std::thread::available_parallelism().map_or(4, usize::from);
    (cores * 2).clamp(4, 64)
});

const UNASSIGNED: usize = usize::MAX;

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(UNASSIGNED) };
    static LEASE: StripeLease = StripeLease::take();
}

/// The slots that threads have given back, and the next slot that was never used.
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
