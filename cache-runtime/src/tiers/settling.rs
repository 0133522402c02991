//! Repeats invalidations when a write that may still be under way has settled.
//!
//! A mutation can be dropped before its end, at any point and on any thread, for example when a client
//! disconnects. Its invalidations are queued for one thread of the process, which ends when the queue is
//! empty. If a manager has too many of them, its whole namespace is invalidated instead.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use std::{process, thread};

use crate::support::lock::Mutex;
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;

/// The time after which the write of a dropped function counts as committed or lost.
const SETTLING: Duration = Duration::from_millis(500);
/// The shortest time between two rounds. The removals of one round go to Redis together.
const GRAIN: Duration = Duration::from_millis(50);
/// R7: the maximum number in the queue for one manager.
const MOST: usize = 10_000;

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), worker_of: 0 });

struct Queue {
    /// The invalidations in the order of their times.
    waiting: VecDeque<DelayedInvalidation>,
    /// The process whose thread works on the queue; 0 if there is none.
    worker_of: u32,
}

struct DelayedInvalidation {
    due: Instant,
    core: Weak<Core>,
    targets: Targets,
}

/// Queues these targets for another invalidation. Does not wait.
pub(crate) fn invalidate_later(core: &Arc<Core>, targets: Targets) {
    let mut queue = QUEUE.lock();
    queue.add(DelayedInvalidation {
        due: Instant::now() + SETTLING,
        core: Arc::downgrade(core),
        targets,
    });
    if queue.worker_of == process::id() {
        return;
    }
    let worker = thread::Builder::new().name("cache-settling".to_owned()).spawn(work);
    queue.worker_of = if worker.is_ok() { process::id() } else { 0 };
    if worker.is_err() {
        // Without a thread, an early repetition is better than none.
        let all = queue.waiting.drain(..).collect();
        drop(queue);
        invalidate(all);
    }
}

/// Invalidates everything in the queue of this manager at once, because the manager is about to end.
pub(crate) fn invalidate_now(core: &Arc<Core>) {
    let own = QUEUE.lock().take_of(&Arc::downgrade(core));
    invalidate(own);
}

fn work() {
    loop {
        let mut queue = QUEUE.lock();
        let now = Instant::now();
        let due = queue.waiting.partition_point(|waiting| waiting.due <= now);
        let due: Vec<_> = queue.waiting.drain(..due).collect();
        let next = queue.waiting.front().map(|waiting| waiting.due);
        let goes_on = !due.is_empty() || next.is_some();
        queue.worker_of = if goes_on { process::id() } else { 0 };
        drop(queue);
        invalidate(due);
        match next {
            Some(next) => thread::sleep(next.saturating_duration_since(now).max(GRAIN)),
            // An invalidation that was queued meanwhile has started no thread, because this one was running.
            None if goes_on => {}
            None => return,
        }
    }
}

fn invalidate(mut all: Vec<DelayedInvalidation>) {
    while let Some(DelayedInvalidation { core, .. }) = all.first() {
        let core = Weak::clone(core);
        let (own, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|waiting| waiting.core.ptr_eq(&core));
        all = others;
        if let Some(core) = core.upgrade() {
            let targets: Vec<_> = own.into_iter().map(|waiting| waiting.targets).collect();
            core.invalidate_in_background(&targets);
        }
    }
}

impl Queue {
    fn add(&mut self, waiting: DelayedInvalidation) {
        let is_own = |other: &&DelayedInvalidation| other.core.ptr_eq(&waiting.core);
        let is_full =
            self.waiting.len() >= MOST && self.waiting.iter().filter(is_own).count() >= MOST;
        if !is_full {
            return self.waiting.push_back(waiting);
        }
        // All of them are replaced by one invalidation at the time of the last one.
        self.take_of(&waiting.core);
        self.waiting.push_back(DelayedInvalidation { targets: Targets::everything(), ..waiting });
    }

    fn take_of(&mut self, core: &Weak<Core>) -> Vec<DelayedInvalidation> {
        let all = std::mem::take(&mut self.waiting);
        let (own, others) = all.into_iter().partition(|waiting| waiting.core.ptr_eq(core));
        self.waiting = others;
        own.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;
    use crate::config::CacheConfig;
    use crate::support::clock::Clock;

    fn core() -> Arc<Core> {
        Core::new(CacheConfig::default(), Clock::default()).unwrap()
    }

    fn waiting(core: &Arc<Core>, name: usize) -> DelayedInvalidation {
        let targets = Targets::name(&name.to_string());
        DelayedInvalidation { due: Instant::now(), core: Arc::downgrade(core), targets }
    }

    #[test]
    fn a_queue_that_is_full_invalidates_everything_of_its_manager() {
        let (full, other) = (core(), core());
        let mut queue = Queue { waiting: VecDeque::new(), worker_of: 0 };
        queue.add(waiting(&other, 0));
        (0..MOST).for_each(|name| queue.add(waiting(&full, name)));
        assert_eq!(queue.waiting.len(), MOST + 1);
        queue.add(waiting(&full, MOST));
        assert_eq!(queue.take_of(&Arc::downgrade(&other)).len(), 1);
        let left: Vec<_> = queue.waiting.iter().map(|waiting| &waiting.targets).collect();
        assert!(left.len() == 1 && left[0].is_everything(), "{left:?}");
    }
}
