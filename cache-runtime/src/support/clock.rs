//! The clock of entries in memory.
//!
//! A hit must not make a system call. So a thread keeps the time in an atomic. It sleeps while there are no
//! reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use once_cell::sync::Lazy;

use crate::support::lock::Mutex;
use crate::support::process::Process;

/// The interval at which the time in the atomic is updated: the granularity of freshness in memory.
const TICK: Duration = Duration::from_millis(2);
/// The lag beyond a tick after which a reader updates the time itself.
const LATE_MS: u64 = 20;
/// The time without a tick after which the ticking thread may not exist: a forked process has none.
const GONE_MS: u64 = 500;
/// The number of ticks without reads after which the ticking thread sleeps.
const IDLE_TICKS: u32 = 500;
/// The value of a clock that is not updated at present.
const ASLEEP: u64 = 0;

/// The source of time of a [`CacheManager`](crate::CacheManager).
///
/// The default is the system's monotonic clock, read to the nearest two milliseconds or so.
/// Tests use [`Clock::mock`], which advances only when it is advanced, or [`Clock::tokio`], which
/// follows `tokio::time::pause` and `advance`.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::Clock;
///
/// let clock = Clock::mock();
/// let before = clock.now_ms();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now_ms() - before, 60_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(TimeSource);

#[derive(Clone, Debug, Default)]
enum TimeSource {
    #[default]
    System,
    Mock(Arc<AtomicU64>),
    Tokio,
}

impl Clock {
    /// Returns the monotonic clock of the system.
    pub fn system() -> Self {
        Clock(TimeSource::System)
    }

    /// Returns a clock that advances only with [`advance`](Clock::advance). Clones share the time.
    pub fn mock() -> Self {
        Clock(TimeSource::Mock(Arc::new(AtomicU64::new(MOCK_START))))
    }

    /// Returns tokio's clock: the system's, or the paused one of a test with `start_paused = true`.
    pub fn tokio() -> Self {
        Clock(TimeSource::Tokio)
    }

    /// Advances a mock clock, saturating at the largest time. It has no effect on other clocks.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Mock(now) = &self.0 {
            let later = |now: u64| Some(now.saturating_add(millis(by)));
            let _ = now.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
        }
    }

    /// Returns the milliseconds since an arbitrary moment in the past. They are never zero and never
    /// decrease.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        if matches!(self.0, TimeSource::System) { coarse_ms() } else { self.now_in_a_test() }
    }

    #[cold]
    fn now_in_a_test(&self) -> u64 {
        match &self.0 {
            TimeSource::System => coarse_ms(),
            TimeSource::Mock(now) => now.load(Ordering::Acquire),
            TimeSource::Tokio => since_origin(tokio::time::Instant::now().into_std()),
        }
    }
}

impl Clock {
    /// Returns the time by which this clock has been advanced beyond that of the system. The time of a
    /// server, which follows the system's, is corrected by it.
    pub(crate) fn ahead_ms(&self) -> i64 {
        match &self.0 {
            TimeSource::System => 0,
            TimeSource::Mock(now) => {
                now.load(Ordering::Acquire).saturating_sub(MOCK_START).cast_signed()
            }
            TimeSource::Tokio => self.now_ms().cast_signed() - precise_ms().cast_signed(),
        }
    }
}

/// The start of a mock clock.
const MOCK_START: u64 = 1_000_000;

/// Returns the whole microseconds of a duration.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Returns the whole milliseconds of a duration, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the exact monotonic time in milliseconds. It makes a system call, so it is not for the hit path.
pub(crate) fn precise_ms() -> u64 {
    since_origin(Instant::now())
}

/// Returns the exact time. If the ticking thread is late (the process was stopped, the machine is busy), this
/// updates its time as well.
pub(crate) fn renewed_ms() -> u64 {
    let now = precise_ms();
    let kept = NOW.load(Ordering::Relaxed);
    if kept != ASLEEP && kept.saturating_add(LATE_MS) < now {
        if TICKED.load(Ordering::Relaxed).saturating_add(GONE_MS) < now {
            tick_on();
        }
        let _ = NOW.compare_exchange(kept, now, Ordering::Relaxed, Ordering::Relaxed);
    }
    now
}

static ORIGIN: Lazy<Instant> = Lazy::new(Instant::now);
static NOW: AtomicU64 = AtomicU64::new(ASLEEP);
static ASKED: AtomicBool = AtomicBool::new(false);
/// The time at which the ticking thread last ran.
static TICKED: AtomicU64 = AtomicU64::new(0);
static TICKER: Lazy<Ticker> = Lazy::new(Ticker::default);

/// The ticking thread, and the process that it belongs to.
#[derive(Default)]
struct Ticker {
    process: Process,
    /// The thread; the inner option is `None` if it cannot be made.
    thread: Mutex<Option<Option<Thread>>>,
}

/// Returns the time since an hour before the origin, so that a time before the first reading is positive.
fn since_origin(now: Instant) -> u64 {
    3_600_000 + millis(now.saturating_duration_since(*ORIGIN))
}

/// Returns the system's monotonic time in milliseconds, as of the last tick.
#[inline]
pub(crate) fn coarse_ms() -> u64 {
    let now = NOW.load(Ordering::Relaxed);
    if now == ASLEEP { wake() } else { now }
}

/// Keeps the ticking thread awake, and checks that it exists. Called at every 64th hit, and at each miss in
/// memory.
#[cold]
#[inline(never)]
pub(crate) fn look_after() {
    // The flag is written only if it changes, because all processors read its cache line, and the time may be
    // on it.
    if !ASKED.load(Ordering::Relaxed) {
        ASKED.store(true, Ordering::Relaxed);
    }
    renewed_ms();
}

#[cold]
fn wake() -> u64 {
    // Time never goes back: the ticking thread may store an earlier reading afterwards. The lock keeps the clock from falling
    // asleep between the reading and the store.
    let mut ticker = TICKER.thread.lock();
    ASKED.store(true, Ordering::Relaxed);
    let ticks = ensure_ticking(&mut ticker);
    let now = precise_ms();
    // Without a thread, the clock is read at each call, which is slower but correct.
    if ticks { NOW.fetch_max(now, Ordering::Relaxed).max(now) } else { now }
}

/// Wakes the ticking thread, or starts it if this process has none.
pub(crate) fn tick_on() {
    ensure_ticking(&mut TICKER.thread.lock());
}

/// Does the same. Returns false if there is no thread, because it cannot be made.
fn ensure_ticking(ticker: &mut Option<Option<Thread>>) -> bool {
    if TICKER.process.has_changed() {
        // The handle is not dropped, because it belongs to another process.
        std::mem::forget(ticker.take());
    }
    let thread = ticker.get_or_insert_with(|| {
        let thread = thread::Builder::new().name("cache-clock".into()).spawn(tick_forever);
        thread.ok().map(|handle| handle.thread().clone())
    });
    thread.iter().for_each(Thread::unpark);
    thread.is_some()
}

fn tick_forever() {
    let mut idle = 0;
    loop {
        // The maximum is stored, so that time never goes back: the process may be stopped between the two
        // lines.
        let now = precise_ms();
        NOW.fetch_max(now, Ordering::Relaxed);
        TICKED.store(now, Ordering::Relaxed);
        thread::sleep(TICK);
        idle = if ASKED.swap(false, Ordering::Relaxed) { 0 } else { idle + 1 };
        if idle >= IDLE_TICKS {
            if fall_asleep() {
                thread::park();
            }
            idle = 0;
        }
    }
}

/// Stops the clock, unless it was read meanwhile. Returns true if it has stopped.
fn fall_asleep() -> bool {
    let _ticker = TICKER.thread.lock();
    let is_idle = !ASKED.load(Ordering::Relaxed);
    if is_idle {
        NOW.store(ASLEEP, Ordering::Relaxed);
    }
    is_idle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_woken_does_not_go_back_afterwards() {
        let woken = wake();
        // Stored by the ticking thread, from a reading before.
        NOW.fetch_max(woken - 1, Ordering::Relaxed);
        let seen = coarse_ms();
        assert!(seen >= woken, "{seen} < {woken}");
    }

    #[test]
    fn the_system_clock_follows_the_precise_one() {
        let clock = Clock::system();
        let before = precise_ms();
        thread::sleep(TICK * 5); // the ticking thread must have had its turn
        let seen = clock.now_ms();
        assert!(seen >= before, "{seen} < {before}");
        assert!(seen <= precise_ms());
    }

    #[test]
    fn a_mock_clock_moves_only_when_told() {
        let clock = Clock::mock();
        let shared = clock.clone();
        let before = clock.now_ms();
        shared.advance(Duration::from_secs(1));
        assert_eq!(clock.now_ms(), before + 1_000);
    }

    #[test]
    fn a_mock_clock_never_goes_back() {
        let clock = Clock::mock();
        clock.advance(Duration::MAX);
        assert_eq!(clock.now_ms(), u64::MAX);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now_ms(), u64::MAX);
    }
}
