//! Limits on the bodies that run at once: `source`, `max_loads`, `shed` and the breaker.

mod breaker;
mod forms;
mod nested;
mod old_value;
mod queue;
mod shed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cache_runtime::{CacheManager, GateStats};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};

use crate::stores::until;

/// Bodies that wait until they are released, and the numbers of those that run.
#[derive(Clone, Debug, Default)]
pub struct Bodies(Arc<Running>);

#[derive(Debug)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
    begun: Mutex<Vec<u64>>,
    go: Semaphore,
}

impl Default for Running {
    fn default() -> Self {
        let (now, most, begun) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::default());
        Running { now, most, begun, go: Semaphore::new(0) }
    }
}

/// A body that runs.
pub struct Body(Arc<Running>);

impl Bodies {
    /// Notes that the body of this id has begun.
    pub fn begin(&self, id: u64) -> Body {
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        self.0.begun.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Body(Arc::clone(&self.0))
    }

    /// Runs the body of this id until it is released.
    pub async fn run(&self, id: u64) {
        let _body = self.begin(id);
        self.0.go.acquire().await.expect("never closed").forget();
    }

    /// Releases this number of bodies.
    pub fn release(&self, bodies: usize) {
        self.0.go.add_permits(bodies);
    }

    /// Returns the ids of the bodies that have begun, in order.
    pub fn begun(&self) -> Vec<u64> {
        self.0.begun.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this number of bodies has begun.
    pub async fn have_begun(&self, bodies: usize) {
        until(async || self.begun().len() >= bodies).await;
        assert_eq!(self.begun().len(), bodies);
    }

    /// Returns the maximum number of bodies that have run at once.
    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for tasks, all of which run at once.
pub async fn join_all<T>(
    tasks: impl IntoIterator<Item = JoinHandle<T>>,
) -> Vec<Result<T, JoinError>> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await);
    }
    ended
}

/// Returns the numbers of a source.
pub fn source(manager: &CacheManager, name: &str) -> GateStats {
    let stats = manager.stats();
    stats.sources.into_iter().find(|source| source.name == name).expect("a source with a limit")
}

/// Waits until this number of loads waits for a source.
pub async fn wait_in_queue(manager: &CacheManager, name: &str, loads: u64) {
    until(async || source(manager, name).waiting == loads).await;
}

/// Checks that nothing runs and nothing waits.
pub fn is_at_rest(manager: &CacheManager) {
    let stats = manager.stats();
    for gate in stats.sources.iter().chain(&stats.limits) {
        assert_eq!((gate.running, gate.waiting), (0, 0), "{gate:?}");
    }
    assert!(stats.sites.iter().all(|site| (site.running, site.waiting) == (0, 0)));
    assert_eq!(stats.flights, 0);
}
