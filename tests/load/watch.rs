//! Watching the memory of this process while it is under load.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{interval, sleep};

use crate::resident;

/// For what is not in the store: the runtime, calls under way, what the allocator keeps.
const ELSE: u64 = 24 << 20;

/// Looks at the memory again and again.
pub(crate) struct Watch {
    task: JoinHandle<()>,
    seen: Arc<Mutex<Memory>>,
}

/// The memory in use over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    capacity: u64,
    before: u64,
    /// The most in the first half of the time.
    early: u64,
    /// The most in the second half.
    late: u64,
}

impl Watch {
    pub(crate) fn begin(capacity: usize, length: Duration) -> Self {
        let before = resident::bytes();
        let memory = Memory { capacity: capacity as u64, before, early: before, late: before };
        let seen = Arc::new(Mutex::new(memory));
        let task = tokio::spawn(watch(Arc::clone(&seen), length / 2));
        Watch { task, seen }
    }

    pub(crate) fn end(self) -> Memory {
        self.task.abort();
        *self.seen.lock().unwrap()
    }
}

async fn watch(seen: Arc<Mutex<Memory>>, half: Duration) {
    let mut looks = interval(Duration::from_millis(50));
    let mut half = pin!(sleep(half));
    let mut is_late = false;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = &mut half, if !is_late => is_late = true,
        }
        let now = resident::bytes();
        let mut memory = seen.lock().unwrap();
        let most = if is_late { &mut memory.late } else { &mut memory.early };
        *most = now.max(*most);
    }
}

impl Memory {
    /// Returns whether the store has stayed within its capacity, give or take a tenth, and memory has
    /// not kept growing once the store was full. On a busy machine, that may be in the second half.
    pub(crate) fn is_bounded(&self) -> bool {
        let full = self.before + self.capacity;
        let bound = full + self.capacity / 10 + ELSE;
        let is_late_bounded = self.early < full || self.late <= self.early + self.capacity / 4;
        self.early.max(self.late) <= bound && is_late_bounded
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [capacity, before, early, late] =
            [self.capacity, self.before, self.early, self.late].map(|bytes| bytes >> 20);
        write!(
            f,
            "resident: {before} MiB before, at most {early} MiB in the first half and {late} MiB \
             in the second, with a capacity of {capacity} MiB"
        )
    }
}
