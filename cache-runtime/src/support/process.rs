//! The identity of the process. A forked process has the memory of its parent, but not its threads, and must
//! not use its connections.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that some state belongs to. Each check is a system call, so it is not made by hits in memory.
#[derive(Debug)]
pub(crate) struct Process(AtomicU32);

impl Default for Process {
    fn default() -> Self {
        Process(AtomicU32::new(process::id()))
    }
}

impl Process {
    /// Returns true if the process is another one than before, so that the state of the former process must
    /// be reset. From then on, the state belongs to this process.
    pub(crate) fn has_changed(&self) -> bool {
        let now = process::id();
        self.0.load(Ordering::Acquire) != now && self.0.swap(now, Ordering::AcqRel) != now
    }
}
