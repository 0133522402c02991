//! Whether any call of the process runs in surroundings of its own: in a scope, or asked for
//! something else than its output. While none does, nobody looks at the thread-locals that say so.

use std::sync::atomic::{AtomicUsize, Ordering};

static SURROUNDED: AtomicUsize = AtomicUsize::new(0);

/// Whether the thread-locals are to be looked at.
#[inline]
pub(crate) fn any() -> bool {
    SURROUNDED.load(Ordering::Relaxed) != 0
}

/// While this lives, they are.
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
