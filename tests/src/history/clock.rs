use rustix::time::{ClockId, clock_gettime};

/// Microseconds of the machine's monotonic clock.
///
/// The processes of a history compare their times. The clock of `std::time::Instant` is the same
/// for all of them, but an `Instant` cannot be passed on; `SystemTime` can, and may be set back
/// while a history runs. Asking one process for the time would make each operation wait.
pub fn now_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000
}
