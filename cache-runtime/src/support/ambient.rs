//! Counts the calls of the process that run in a scope, that have a request, that a collector receives, or whose body is
//! watched. While there is none, a memory hit reads no thread-locals (R8).

use std::sync::atomic::{AtomicUsize, Ordering};

static SURROUNDED: AtomicUsize = AtomicUsize::new(0);

/// Returns `true` if the thread-locals must be read.
#[inline]
pub(crate) fn any() -> bool {
    SURROUNDED.load(Ordering::Relaxed) != 0
}

/// Makes [`any`] return true until it is dropped: a call in a scope, with a request, in a collector or with a watched
/// body is running.
#[derive(Debug)]
pub(crate) struct Surrounded(());

impl Surrounded {
    pub(crate) fn new() -> Self {
        SURROUNDED.fetch_add(1, Ordering::Relaxed);
        Surrounded(())
    }
}

impl Drop for Surrounded {
    fn drop(&mut self) {
        SURROUNDED.fetch_sub(1, Ordering::Relaxed);
    }
}
