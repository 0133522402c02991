//! The record of a process.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_runtime::{Status, cache};
use cache_tests::history::{Change, Event, Span, Watch, now_us};

/// The cache counts milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);
/// The interval at which the state of the cache is recorded. Anything that was not confirmed at once is
/// dated to within this.
const INTERVAL: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub struct Record {
    pub operations: AtomicU64,
    pub stopped: AtomicBool,
    pub hushed: AtomicBool,
    next: AtomicU64,
    file: Mutex<BufWriter<File>>,
    /// Changes that Redis is not yet known to hold.
    unconfirmed: Mutex<Vec<Change>>,
}

impl Record {
    pub fn create(path: &str, process: u64) -> io::Result<Self> {
        Ok(Record {
            operations: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            hushed: AtomicBool::new(false),
            next: AtomicU64::new(process << 40),
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            unconfirmed: Mutex::default(),
        })
    }

    /// Stops or allows all changes from now on.
    pub fn hush(&self, hushed: bool) -> String {
        self.hushed.store(hushed, Ordering::Relaxed);
        "done".to_owned()
    }

    /// Returns a number for a change.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn write(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("plain data");
        line.push(b'\n');
        // In one piece: a process that is killed leaves whole lines, but for its last one.
        lock(&self.file).write_all(&line).expect("the record can be written");
    }

    /// Notes a change that has just returned, now or once it is known when Redis held it.
    pub async fn change(&self, mut change: Change) {
        if cache().health().await.pending_invalidations == 0 {
            change.confirmed = Some(now_us());
            self.write(&Event::Change(change));
        } else {
            lock(&self.unconfirmed).push(change);
        }
    }

    /// Looks at the cache.
    async fn look(&self) {
        // Only these had returned before the look.
        let waiting = std::mem::take(&mut *lock(&self.unconfirmed));
        let begin = now_us();
        let health = cache().health().await;
        let stats = cache().stats();
        let end = now_us();
        if health.pending_invalidations == 0 {
            for change in waiting {
                self.write(&Event::Change(Change { confirmed: Some(end), ..change }));
            }
        } else {
            lock(&self.unconfirmed).extend(waiting);
        }
        self.write(&Event::Watch(Watch {
            span: Span { begin, end },
            healthy: health.status == Status::Healthy,
            troubles: stats.redis_errors + stats.redis_outages,
            received_until: health.feed_lag.map(|lag| begin.saturating_sub(micros(lag + ROUNDING))),
        }));
    }

    /// The end of the record, or what is known by now.
    pub async fn finish(&self) {
        self.look().await;
        for change in lock(&self.unconfirmed).drain(..) {
            self.write(&Event::Change(change));
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

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
