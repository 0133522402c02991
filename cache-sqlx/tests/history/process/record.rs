//! The record of a process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_runtime::{Clock, cache};
use cache_tests::history::now_us;

use crate::event::{Ended, Event, Fact, Outcome};

/// The cache counts milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);
/// The interval at which the state of the cache is recorded.
const INTERVAL: Duration = Duration::from_millis(10);

pub struct Record {
    pub operations: AtomicU64,
    pub stopped: AtomicBool,
    next: AtomicI64,
    file: Mutex<BufWriter<File>>,
    counts: Mutex<BTreeMap<Fact, u64>>,
    /// Commits whose invalidations Redis is not yet known to hold.
    unconfirmed: Mutex<Vec<Ended>>,
}

impl Record {
    pub fn create(path: &str, process: i64) -> Self {
        Record {
            operations: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            next: AtomicI64::new(process << 40),
            file: Mutex::new(BufWriter::new(File::create(path).expect("a file"))),
            counts: Mutex::default(),
            unconfirmed: Mutex::default(),
        }
    }

    /// Returns a number for a transaction, which is negative if it never commits.
    pub fn writer(&self, doomed: bool) -> i64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        if doomed { -number } else { number }
    }

    /// Counts an operation.
    pub fn operation(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub fn note(&self, fact: Fact) {
        *lock(&self.counts).entry(fact).or_default() += 1;
    }

    pub fn write(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("plain data");
        line.push(b'\n');
        // In one piece: a process that is killed leaves whole lines, but for its last one.
        lock(&self.file).write_all(&line).expect("the record can be written");
    }

    /// Writes the end of a transaction, now or when Redis is known to hold its invalidations.
    pub fn end(&self, ended: Ended) {
        if ended.outcome == Outcome::Committed && ended.confirmed.is_none() {
            lock(&self.unconfirmed).push(ended);
        } else {
            self.write(&Event::Ended(ended));
        }
    }

    async fn look(&self) {
        // Only these had returned before the look.
        let waiting = mem::take(&mut *lock(&self.unconfirmed));
        let begin = now_us();
        let health = cache().health().await;
        let end = now_us();
        if health.pending_invalidations == 0 {
            for ended in waiting {
                self.write(&Event::Ended(Ended { confirmed: Some(end), ..ended }));
            }
        } else {
            lock(&self.unconfirmed).extend(waiting);
        }
        if let Some(lag) = health.feed_lag {
            let until = begin.saturating_sub(micros(lag + ROUNDING));
            self.write(&Event::Received { at: end, until });
        }
    }

    /// Writes what is left.
    pub async fn finish(&self) {
        self.look().await;
        for ended in lock(&self.unconfirmed).drain(..) {
            self.write(&Event::Ended(ended));
        }
        for (fact, count) in mem::take(&mut *lock(&self.counts)) {
            self.write(&Event::Count(fact, count));
        }
        lock(&self.file).flush().expect("the record can be written");
    }
}

/// Looks at the cache again and again, until the process ends.
pub async fn watch(record: Arc<Record>) {
    loop {
        record.look().await;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Returns the lag of the clock with which the cache counts milliseconds.
pub fn lag() -> u64 {
    // The two clocks begin at different moments.
    static LEAST: AtomicI64 = AtomicI64::new(i64::MAX);
    let behind = now_us().cast_signed() - (Clock::system().now_ms() * 1_000).cast_signed();
    let least = LEAST.fetch_min(behind, Ordering::Relaxed).min(behind);
    (behind - least).cast_unsigned()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
