//! Loads that no caller waits for: counted, bounded, and ended with the manager.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::call::CallKey;
use crate::flight::Flights;
use crate::prehashed::BuildPrehashed;

/// After a load that failed while an older value is at hand, the next one waits for so long.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// So many failures are remembered; beyond that, loads are not kept waiting.
const REMEMBERED: usize = 4_096;

/// The background loads of one manager.
#[derive(Debug)]
pub(crate) struct Background {
    /// The loads that take the place of a value which is served meanwhile: one of a key at a time.
    pub(crate) refreshes: Arc<Flights<CallKey>>,
    places: Arc<Semaphore>,
    limit: usize,
    /// The longest that one may take.
    longest: Duration,
    closed: watch::Sender<bool>,
    /// The time, in milliseconds, before which a key is not loaded again.
    failed: Mutex<HashMap<Arc<CallKey>, u64, BuildPrehashed>>,
}

/// The right to run one load in the background.
#[derive(Debug)]
pub(crate) struct Place {
    permit: OwnedSemaphorePermit,
    runtime: Handle,
    closed: watch::Receiver<bool>,
    longest: Duration,
}

impl Background {
    pub(crate) fn new(limit: u16, longest: Duration) -> Self {
        Background {
            refreshes: Flights::new(),
            places: Arc::new(Semaphore::new(limit.into())),
            limit: limit.into(),
            longest,
            closed: watch::Sender::new(false),
            failed: Mutex::default(),
        }
    }

    /// A place on this runtime, if one is free.
    pub(crate) fn place(&self, runtime: Handle) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { permit, runtime, closed: self.closed.subscribe(), longest: self.longest })
    }

    /// How many loads run.
    pub(crate) fn running(&self) -> usize {
        self.limit.saturating_sub(self.places.available_permits())
    }

    /// Ends all loads, and lets none begin.
    pub(crate) fn close(&self) {
        self.places.close();
        self.closed.send_replace(true);
    }

    /// A load of this key has failed at `now_ms`. Whether that is remembered.
    pub(crate) fn note_failure(&self, key: &Arc<CallKey>, now_ms: u64) -> bool {
        let mut failed = self.lock_failed();
        if failed.len() >= REMEMBERED {
            failed.retain(|_, until| *until > now_ms);
        }
        if failed.len() < REMEMBERED {
            failed
                .insert(Arc::clone(key), now_ms.saturating_add(crate::clock::millis(RETRY_AFTER)));
            return true;
        }
        false
    }

    /// Whether a load of this key has failed so lately that the next one has to wait.
    pub(crate) fn failed_lately(&self, key: &Arc<CallKey>, now_ms: u64) -> bool {
        let mut failed = self.lock_failed();
        match failed.get(key) {
            Some(until) if *until > now_ms => true,
            Some(_) => {
                failed.remove(key);
                false
            }
            None => false,
        }
    }

    fn lock_failed(&self) -> MutexGuard<'_, HashMap<Arc<CallKey>, u64, BuildPrehashed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Runs a load to its end, or to the manager's, or for as long as a load may take.
    pub(crate) fn run(self, load: impl Future<Output = ()> + Send + 'static) {
        let Place { permit, runtime, mut closed, longest } = self;
        runtime.spawn(async move {
            let _permit = permit;
            // It ends with an error if the manager is gone.
            let mut closed = pin!(closed.wait_for(|closed| *closed));
            let mut load = pin!(timeout(longest, load));
            let ended = poll_fn(|context| match closed.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(Ok(())),
                Poll::Pending => load.as_mut().poll(context),
            });
            if ended.await.is_err() {
                tracing::warn!(limit = ?longest, "a background load was given up");
            }
        });
    }
}
