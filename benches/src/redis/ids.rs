//! Which values the tasks of a contender request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The values are requested in turn, over and over, by however many tasks: so none is requested again
/// before all others have been, nor by two tasks at once. Clones go on together.
#[derive(Clone, Debug)]
pub struct Cursor(Arc<Place>);

#[derive(Debug)]
struct Place {
    next: AtomicU64,
    values: u64,
}

impl Cursor {
    /// A cursor over this many values.
    pub fn new(values: u64) -> Self {
        Cursor(Arc::new(Place { next: AtomicU64::new(0), values }))
    }

    /// The next one.
    #[inline]
    pub fn next(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed) % self.0.values
    }
}

/// The ids that one task requests, and how long that takes.
#[derive(Debug)]
pub struct Ids {
    cursor: Cursor,
    left: usize,
    laps: Option<Laps>,
}

/// The durations of calls, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<f64>>>);

/// The calls of one task, on their way to the log.
#[derive(Debug)]
struct Laps {
    log: Log,
    began: Option<Instant>,
    nanos: Vec<f64>,
}

impl Ids {
    /// This many of them. With a log, the time from one to the next is kept there.
    pub fn new(cursor: &Cursor, calls: usize, log: Option<&Log>) -> Self {
        let laps =
            log.map(|log| Laps { log: log.clone(), began: None, nanos: Vec::with_capacity(calls) });
        Ids { cursor: cursor.clone(), left: calls, laps }
    }

    /// Returns the number of ids that are left.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl Iterator for Ids {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if let Some(laps) = &mut self.laps {
            laps.end();
        }
        self.left = self.left.checked_sub(1)?;
        Some(self.cursor.next())
    }
}

impl Laps {
    /// The call that began last has ended, and the next one begins.
    fn end(&mut self) {
        let now = Instant::now();
        if let Some(began) = self.began.replace(now) {
            self.nanos.push((now - began).as_secs_f64() * 1e9);
        }
    }
}

impl Drop for Laps {
    fn drop(&mut self) {
        self.log.lock().append(&mut self.nanos);
    }
}

impl Log {
    /// Returns the durations since the last call.
    pub fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
