//! Loads that no caller has to wait for. They are counted and limited, the places are shared among the
//! functions, and the loads end with the manager.

use std::collections::{HashMap, HashSet};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::flight::Flights;
use crate::support::lock::Mutex;
use crate::support::process::Process;
use crate::support::timer::timeout;
use crate::tiers::key::CallKey;
use crate::tiers::pauses::{Pause, Pauses};

/// The maximum number of functions whose full share has been reported and is remembered.
const TOLD: usize = 1_024;

/// The background loads of one manager.
#[derive(Debug)]
pub(crate) struct Background {
    /// The loads that replace a value which is served meanwhile: at most one at a time for each key.
    pub(crate) refreshes: Arc<Flights<CallKey>>,
    places: Arc<Mutex<SlotCounts>>,
    process: Process,
    limit: usize,
    /// The maximum duration of a load.
    longest: Duration,
    closed: watch::Sender<bool>,
    pauses: Mutex<Pauses>,
}

/// The places in use, by function.
#[derive(Debug, Default)]
struct SlotCounts {
    /// The number of places in use for each kind of keys, which is mostly the function.
    taken: HashMap<u64, usize>,
    all: usize,
    /// The kinds whose full share has been reported.
    told: HashSet<u64>,
}

/// The right to run one load in the background.
#[derive(Debug)]
pub(crate) struct BackgroundSlot {
    taken: Arc<TakenSlot>,
    runtime: Handle,
    closed: watch::Receiver<bool>,
    longest: Duration,
}

/// A place that is free again when the last share of it is dropped.
#[derive(Debug)]
pub(crate) struct TakenSlot {
    places: Arc<Mutex<SlotCounts>>,
    kind: u64,
}

impl Background {
    pub(crate) fn new(limit: u16, longest: Duration) -> Self {
        Background {
            refreshes: Flights::new(),
            places: Arc::default(),
            process: Process::default(),
            limit: limit.into(),
            longest,
            closed: watch::Sender::new(false),
            pauses: Mutex::default(),
        }
    }

    /// Returns a place on this runtime for a load of this key, if one is free for its function. No function
    /// may have more places than are left for the others.
    pub(crate) fn place(&self, runtime: Handle, key: &CallKey) -> Option<BackgroundSlot> {
        let (kind, closed) = (key.kind(), self.closed.subscribe());
        let mut places = self.places.lock();
        if self.process.has_changed() {
            // The loads of the parent do not run in a forked process.
            (places.all, places.taken) = (0, HashMap::new());
        }
        // R7: no function takes more than half of the free places.
        let (taken, free) = (places.taken(kind), self.limit.saturating_sub(places.all));
        if *closed.borrow() || taken >= free {
            if taken > 0 && places.told.len() < TOLD && places.told.insert(kind) {
                drop(places);
                tracing::warn!(
                    function = key.function(),
                    loads = taken,
                    free,
                    "a function runs as many loads in the background as there are free places; until some of them \
                     end, its other stale values are served without a refresh, and its detached loads run in \
                     their callers. Give its body a timeout, or raise CACHE_MAX_BACKGROUND_LOADS"
                );
            }
            return None;
        }
        places.all += 1;
        *places.taken.entry(kind).or_default() += 1;
        let taken = Arc::new(TakenSlot { places: Arc::clone(&self.places), kind });
        Some(BackgroundSlot { taken, runtime, closed, longest: self.longest })
    }

    /// Returns the number of running loads.
    pub(crate) fn running(&self) -> usize {
        self.places.lock().all
    }

    /// Ends all loads, and prevents further ones.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Notes that a load of this key has failed at `now_ms`, with an error for which a stale value may stand
    /// in or not. Returns true if that is remembered.
    pub(crate) fn note_failure(&self, key: &CallKey, now_ms: u64, stands_in: bool) -> bool {
        self.pauses.lock().begin(key, now_ms, stands_in)
    }

    /// Returns the pause of a key whose load has failed lately.
    pub(crate) fn pause(&self, key: &CallKey, now_ms: u64) -> Option<Pause> {
        self.pauses.lock().of(key, now_ms)
    }
}

impl SlotCounts {
    fn taken(&self, kind: u64) -> usize {
        self.taken.get(&kind).copied().unwrap_or(0)
    }
}

impl Drop for TakenSlot {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.all = places.all.saturating_sub(1);
        match places.taken(self.kind) {
            0 | 1 => _ = places.taken.remove(&self.kind),
            taken => _ = places.taken.insert(self.kind, taken - 1),
        }
    }
}

impl BackgroundSlot {
    /// Returns a share of the place, for a body that may go on after its task.
    pub(crate) fn taken(&self) -> Arc<TakenSlot> {
        Arc::clone(&self.taken)
    }

    /// Runs a load to its end, at most for the maximum duration and until the manager ends. A load that takes
    /// longer is given up.
    pub(crate) fn run(
        self,
        load: impl Future<Output = ()> + Send + 'static,
        give_up: impl FnOnce(Duration) + Send + 'static,
    ) {
        let BackgroundSlot { taken, runtime, mut closed, longest } = self;
        runtime.spawn(async move {
            let _taken = taken;
            // `wait_for` fails if the manager is gone.
            let mut closed = pin!(closed.wait_for(|closed| *closed));
            let mut load = pin!(timeout(longest, load));
            let ended = poll_fn(|context| match closed.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(Ok(())),
                Poll::Pending => load.as_mut().poll(context),
            });
            if ended.await.is_err() {
                give_up(longest);
            }
        });
    }

    /// Runs a load to its end as long as a caller waits for it. Once `abandoned` is ready, the load runs as
    /// with [`run`](BackgroundSlot::run): for the rest of the maximum duration, and until the manager ends.
    pub(crate) fn run_detached(
        self,
        load: impl Future<Output = ()> + Send + 'static,
        abandoned: impl Future<Output = ()> + Send + 'static,
        give_up: impl FnOnce(Duration) + Send + 'static,
    ) {
        let BackgroundSlot { taken, runtime, mut closed, longest } = self;
        runtime.spawn(async move {
            let _taken = taken;
            // The time begins here, not when the load is abandoned.
            let limit = timeout(longest, pending::<()>());
            let end = async {
                abandoned.await;
                let closed = pin!(closed.wait_for(|closed| *closed).map(drop));
                matches!(select(closed, pin!(limit)).await, Either::Right(_))
            };
            if let Either::Right((true, _)) = select(pin!(load), pin!(end)).await {
                give_up(longest);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;
    use crate::key::name::Name;
    use crate::memory::Memory;
    use crate::tiers::key::named;

    #[tokio::test]
    async fn a_function_has_no_more_places_than_it_leaves_to_the_others() {
        let memory = Memory::new(1 << 20, 1 << 20, 2);
        let background = Background::new(8, Duration::from_secs(60));
        // Directly given names count by their first prefix.
        let place = |prefix: &str, id: usize| {
            let key = named(&memory, Name::new(format!("{prefix}:{id}")), &[]);
            background.place(Handle::current(), &key)
        };
        let places = |prefix: &str| (0..8).map_while(|id| place(prefix, id)).collect::<Vec<_>>();
        let hung = places("hung");
        assert_eq!((hung.len(), background.running()), (4, 4));
        let other = places("other");
        assert_eq!(other.len(), 2);
        let third = places("third");
        assert_eq!(third.len(), 1, "there is always one more");
        drop(hung);
        assert_eq!(background.running(), 3);
        assert!(place("hung", 0).is_some());
        background.close();
        assert!(place("hung", 0).is_none());
    }
}
