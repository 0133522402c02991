use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts how often something ran, such as the body of a cached function. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// Returns a counter at zero.
    pub fn new() -> Self {
        Counter::default()
    }

    /// Counts one run; returns the number of runs with this one.
    pub fn hit(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Returns the number of runs so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
