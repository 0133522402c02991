//! Counts the calls of the process that run in a scope, or that have a request. While there is none, no
//! call reads the thread-locals of scopes and requests.

use std::sync::atomic::{AtomicUsize, Ordering};

static SURROUNDED: AtomicUsize = AtomicUsize::new(0);

/// Returns `true` if the thread-locals must be read.
#[inline]
pub(crate) fn any() -> bool {
    SURROUNDED.load(Ordering::Relaxed) != 0
}

/// Makes [`any`] return true until it is dropped: a call in a scope, or with a request, is running.
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
