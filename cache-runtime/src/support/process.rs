//! The identity of the process. A forked process has its parent's memory, but not its threads, and must not use its
//! connections.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that something belongs to. A look at it is a system call, so it is not for hits in memory.
#[derive(Debug)]
pub(crate) struct Process(AtomicU32);

impl Default for Process {
    fn default() -> Self {
        Process(AtomicU32::new(process::id()))
    }
}

impl Process {
    /// Returns whether this is another process than before, so that state of the former process must be
    /// reset. From then on, the state belongs to this process.
    pub(crate) fn has_changed(&self) -> bool {
        let now = process::id();
        self.0.load(Ordering::Acquire) != now && self.0.swap(now, Ordering::AcqRel) != now
    }
}
