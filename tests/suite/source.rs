//! The data behind cached functions: a number that changes, and reads that can be held up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cache_tests::Counter;
use tokio::sync::Semaphore;

/// A source of data. Clones share it.
#[derive(Clone, Debug)]
pub struct Source(Arc<State>);

#[derive(Debug)]
struct State {
    value: AtomicU64,
    reads: Counter,
    next: Mutex<Option<Arc<Gate>>>,
}

#[derive(Debug)]
struct Gate {
    reached: Semaphore,
    released: Semaphore,
}

/// The next read of a [`Source`]: it takes the value of its time and hands it out only when it is
/// let go.
#[derive(Debug)]
pub struct Hold(Arc<Gate>);

impl Source {
    pub fn new(value: u64) -> Self {
        Source(Arc::new(State {
            value: AtomicU64::new(value),
            reads: Counter::new(),
            next: Mutex::default(),
        }))
    }

    /// Changes the data.
    pub fn set(&self, value: u64) {
        self.0.value.store(value, Ordering::SeqCst);
    }

    /// Reads the data, as the body of a cached function does.
    pub async fn read(&self) -> u64 {
        self.0.reads.hit();
        let value = self.0.value.load(Ordering::SeqCst);
        let gate = self.next().take();
        if let Some(gate) = gate {
            gate.reached.add_permits(1);
            gate.released.acquire().await.expect("never closed").forget();
        }
        value
    }

    /// Returns the number of reads of the data.
    pub fn reads(&self) -> usize {
        self.0.reads.count()
    }

    /// Returns the number of clones, including this one.
    pub fn clones(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Holds up the next read.
    pub fn hold(&self) -> Hold {
        let gate = Arc::new(Gate { reached: Semaphore::new(0), released: Semaphore::new(0) });
        *self.next() = Some(Arc::clone(&gate));
        Hold(gate)
    }

    fn next(&self) -> std::sync::MutexGuard<'_, Option<Arc<Gate>>> {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Waits until a read has taken its value.
    pub async fn reached(&self) {
        self.0.reached.acquire().await.expect("never closed").forget();
    }

    /// Lets the read go on.
    pub fn release(self) {
        self.0.released.add_permits(1);
    }
}
