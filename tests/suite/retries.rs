//! A load that fails with an error that cannot be shared: the callers that waited for it run bodies of their
//! own, eight at once.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, cached};
use cache_tests::Counter;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use crate::source::{Hold, Source};
use crate::stores::{Store, TestCache, in_time, on_store, until};

/// The maximum number of bodies that run at once, as documented.
const PLACES: usize = 8;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// A source that fails, and that notes which of its callers read it at the same time.
#[derive(Clone, Debug)]
struct Failing(Arc<State>);

#[derive(Debug)]
struct State {
    /// Holds up the first read, for which the other callers wait.
    first: Source,
    /// The callers that have come as far as the call of the function that fails, where another one makes it.
    came: Counter,
    reads: Counter,
    running: Mutex<HashSet<usize>>,
    most: Counter,
    pace: Pace,
    /// The number of reads at the beginning that do not keep the pace. Others come while they last.
    solo: usize,
    panics: bool,
    /// The first read that does not fail.
    recovers: usize,
}

/// The end of a read.
#[derive(Debug)]
enum Pace {
    /// It ends after a few turns of the other tasks.
    Free,
    /// It ends when so many reads have begun that this many run at once.
    Meeting(Barrier),
    /// It ends when it is released.
    Gate(Semaphore),
}

/// A read, until this is dropped.
struct Running<'a>(&'a State, usize);

impl Failing {
    fn new(pace: Pace) -> Self {
        Self::with(pace, |_| {})
    }

    fn with(pace: Pace, change: impl FnOnce(&mut State)) -> Self {
        let mut state = State {
            first: Source::new(0),
            came: Counter::new(),
            reads: Counter::new(),
            running: Mutex::default(),
            most: Counter::new(),
            pace,
            solo: 1,
            panics: false,
            recovers: usize::MAX,
        };
        change(&mut state);
        Failing(Arc::new(state))
    }

    /// Returns a source that waits until as many callers read it at once as there are places.
    fn meeting(change: impl FnOnce(&mut State)) -> Self {
        Self::with(Pace::Meeting(Barrier::new(PLACES)), change)
    }

    async fn read(&self, caller: usize) -> io::Result<u64> {
        let state = &*self.0;
        let _running = Running::begin(state, caller);
        let read = state.reads.hit();
        if read == 1 {
            state.first.read().await;
        } else if read <= state.solo {
            settle(100).await;
        } else {
            match &state.pace {
                Pace::Free => settle(0).await,
                Pace::Meeting(barrier) => _ = barrier.wait().await,
                Pace::Gate(gate) => gate.acquire().await.unwrap().forget(),
            }
        }
        if read >= state.recovers {
            return Ok(7);
        }
        assert!(!state.panics, "read {read} panics");
        Err(io::Error::other(format!("read {read}")))
    }

    fn reads(&self) -> usize {
        self.0.reads.count()
    }

    fn running(&self) -> usize {
        self.0.running().len()
    }

    /// Returns the greatest number of reads that have run at once.
    fn most(&self) -> usize {
        self.0.most.count()
    }

    fn release(&self, reads: usize) {
        let Pace::Gate(gate) = &self.0.pace else { panic!("no gate") };
        gate.add_permits(reads);
    }
}

impl State {
    fn running(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Running<'a> {
    fn begin(state: &'a State, caller: usize) -> Self {
        let mut running = state.running();
        assert!(running.insert(caller), "one read for each caller");
        while state.most.count() < running.len() {
            state.most.hit();
        }
        Running(state, caller)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running().remove(&self.1);
    }
}

#[cached(key_prefix = "retries", skip(failing, caller))]
async fn plain(failing: &Failing, caller: usize) -> io::Result<u64> {
    failing.read(caller).await
}

#[cached(key_prefix = "retries_detached", skip(failing, caller), detached = true)]
async fn detached(failing: &Failing, caller: usize) -> io::Result<u64> {
    failing.read(caller).await
}

#[cached(
    key_prefix = "retries_stale",
    key = "{id}",
    ttl = "1m",
    stale_if_error = "1h",
    serve_stale_if = |_| false
)]
async fn refuses_stale(failing: &Failing, id: u64, caller: usize) -> io::Result<u64> {
    _ = id;
    failing.read(caller).await
}

#[cached(
    key_prefix = "retries_timeout",
    key = "{id}",
    ttl = "1m",
    stale_if_error = "1h",
    load_timeout = "1h",
    serve_stale_if = |_| false
)]
async fn times_out(failing: Failing, id: u64) -> io::Result<u64> {
    _ = id;
    // The body of one caller may run in a task of another one.
    failing.read(failing.0.came.hit()).await
}

#[cached(key_prefix = "retries_unstored", skip(failing, caller), cache_if = |_| false)]
async fn unstored(failing: &Failing, caller: usize) -> io::Result<u64> {
    failing.read(caller).await
}

#[cached(key_prefix = "retries_fleet", skip(failing, caller), coalesce = "fleet")]
async fn fleet(failing: &Failing, caller: usize) -> io::Result<u64> {
    failing.read(caller).await
}

/// Another key for each caller, whose body calls the function that fails.
#[cached(key_prefix = "retries_outer", skip(failing))]
async fn outer(failing: &Failing, caller: usize) -> io::Result<u64> {
    failing.0.came.hit();
    plain(failing, caller).await
}

type Loaded = io::Result<u64>;

/// A way to read a source through the cache.
type Way = fn(&TestCache, Failing, usize) -> JoinHandle<Loaded>;

fn plainly(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    cache.spawn(async move { plain(&failing, caller).await })
}

fn directly(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    let manager = cache.manager.clone();
    let load = async move || failing.read(caller).await;
    cache.spawn(async move { manager.get_or_load("retries:direct", SECOND, load).await })
}

fn detachedly(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    cache.spawn(async move { detached(&failing, caller).await })
}

fn over_a_stale_value(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    cache.spawn(async move { refuses_stale(&failing, 1, caller).await })
}

fn nested(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    cache.spawn(async move { outer(&failing, caller).await })
}

fn by_refresh(cache: &TestCache, failing: Failing, caller: usize) -> JoinHandle<Loaded> {
    cache.spawn(async move { plain(&failing, caller).cache_entry().refresh().await.unwrap() })
}

/// Runs `body` in each store, with a limit to waiting that no test reaches.
async fn on_patient_stores(stores: &[Store], body: impl AsyncFn(TestCache)) {
    for &store in stores {
        on_store(store, |config: CacheConfig| config.wait_limit(HOUR), &body).await;
    }
}

/// Lets all tasks go on until they wait: the runtime has one thread.
async fn settle(tasks: usize) {
    for _ in 0..tasks + 10 {
        yield_now().await;
    }
}

/// Begins this many calls. All but the first one wait for the load of that one, which then ends.
async fn begin(
    cache: &TestCache,
    failing: &Failing,
    callers: usize,
    way: Way,
) -> Vec<JoinHandle<Loaded>> {
    let hold = failing.0.first.hold();
    let mut calls = vec![way(cache, failing.clone(), 0)];
    hold.reached().await;
    calls.extend((1..callers).map(|caller| way(cache, failing.clone(), caller)));
    settle(callers).await;
    until(async || [0, callers].contains(&failing.0.came.count())).await;
    hold.release();
    calls
}

async fn outputs(calls: Vec<JoinHandle<Loaded>>) -> Vec<Loaded> {
    let mut outputs = Vec::with_capacity(calls.len());
    for call in calls {
        outputs.push(in_time(call).await.unwrap());
    }
    outputs
}

/// This many callers of a source that fails for each of them: as many bodies run at once as there are places.
async fn fails_for_all(cache: &TestCache, failing: &Failing, callers: usize, way: Way) {
    let before = cache.manager.stats().total;
    let outputs = outputs(begin(cache, failing, callers, way).await).await;
    let errors: HashSet<_> = outputs.iter().map(|e| e.as_ref().unwrap_err().to_string()).collect();
    assert_eq!(errors.len(), callers, "each caller has an error of its own");
    assert_eq!(failing.reads(), callers);
    // The barrier shows that no queue lets them run one after another.
    assert_eq!(failing.most(), PLACES);
    let counts = cache.manager.stats().total;
    assert!(counts.misses - before.misses >= callers as u64, "{counts:?}");
    assert!(counts.load_errors - before.load_errors >= callers as u64, "{counts:?}");
    assert_eq!(counts.hits(), before.hits());
    assert_eq!(cache.manager.stats().flights, 0);
}

#[tokio::test]
async fn a_thousand_callers_of_a_function_that_fails_run_eight_bodies_at_once() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        fails_for_all(&cache, &Failing::meeting(|_| {}), 1_001, plainly).await;
    })
    .await;
}

#[tokio::test]
async fn a_thousand_direct_callers_of_a_load_that_fails_run_eight_at_once() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        fails_for_all(&cache, &Failing::meeting(|_| {}), 1_001, directly).await;
    })
    .await;
}

#[tokio::test]
async fn detached_loads_that_fail_run_eight_at_once() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        fails_for_all(&cache, &Failing::meeting(|_| {}), 81, detachedly).await;
    })
    .await;
}

#[tokio::test]
async fn callers_inside_of_the_bodies_of_others_run_eight_bodies_at_once() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        fails_for_all(&cache, &Failing::meeting(|_| {}), 81, nested).await;
    })
    .await;
}

#[tokio::test]
async fn loads_over_a_stale_value_that_does_not_stand_in_for_the_error_run_eight_at_once() {
    on_patient_stores(&Store::INTENDED, async |cache: TestCache| {
        let well = Failing::with(Pace::Free, |state| state.recovers = 1);
        assert_eq!(refuses_stale(&well, 1, 0).await.unwrap(), 7);
        cache.clock.advance(Duration::from_secs(61));
        let failing = Failing::meeting(|_| {});
        let calls = begin(&cache, &failing, 81, over_a_stale_value).await;
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert_eq!((failing.reads(), failing.most()), (81, PLACES));
    })
    .await;
}

/// Retries share the load in the background, and run bodies of their own after it has failed.
#[tokio::test]
async fn loads_in_the_background_over_a_stale_value_run_eight_at_once() {
    on_patient_stores(&Store::INTENDED, async |cache: TestCache| {
        let well = Failing::with(Pace::Free, |state| state.recovers = 1);
        assert_eq!(times_out(well, 1).await.unwrap(), 7);
        cache.clock.advance(Duration::from_secs(61));
        let failing = Failing::new(Pace::Free);
        let hold = failing.0.first.hold();
        let call = |_| {
            let failing = failing.clone();
            cache.spawn(async move { times_out(failing, 1).await })
        };
        let mut calls = vec![call(0)];
        hold.reached().await;
        calls.extend((1..81).map(call));
        settle(81).await;
        hold.release();
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert!((2..=PLACES).contains(&failing.most()), "{} at once", failing.most());
    })
    .await;
}

#[tokio::test]
async fn requested_loads_that_fail_run_eight_at_once() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        // A caller that requests a load while one runs waits for the next one, which fails as well.
        let failing = Failing::meeting(|state| state.solo = 2);
        let calls = begin(&cache, &failing, 82, by_refresh).await;
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert_eq!((failing.reads(), failing.most()), (82, PLACES));
    })
    .await;
}

#[tokio::test]
async fn callers_in_a_fleet_run_eight_bodies_at_once_in_each_process() {
    on_patient_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let failing = Failing::new(Pace::Free);
        let way: Way =
            |cache, failing, caller| cache.spawn(async move { fleet(&failing, caller).await });
        let calls = begin(&cache, &failing, 81, way).await;
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert_eq!(failing.reads(), 81);
        assert!((2..=PLACES).contains(&failing.most()), "{} at once", failing.most());
    })
    .await;
}

/// A source that is well again at the twentieth read.
async fn recovers(cache: &TestCache, callers: usize, way: Way) {
    let failing = Failing::with(Pace::Free, |state| state.recovers = 20);
    let outputs = outputs(begin(cache, &failing, callers, way).await).await;
    let errors = outputs.iter().filter(|output| output.is_err()).count();
    assert_eq!(errors, 19);
    assert!(outputs.iter().flatten().all(|value| *value == 7));
    // Those that ran already, and at most one load more for all that waited.
    assert!(failing.reads() <= 19 + PLACES + 1, "{} reads", failing.reads());
    assert!(failing.most() <= PLACES + 1, "{} at once", failing.most());
    assert_eq!(cache.manager.stats().flights, 0);
}

#[tokio::test]
async fn a_source_that_recovers_serves_the_callers_that_still_wait() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        recovers(&cache, 1_001, plainly).await;
        let counts = cache.manager.stats().total;
        assert_eq!(counts.load_errors, 19);
        assert_eq!(counts.hits() + counts.misses, 1_001, "{counts:?}");
        recovers(&cache, 101, directly).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_not_stored_serves_the_callers_that_still_wait() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        let way: Way =
            |cache, failing, caller| cache.spawn(async move { unstored(&failing, caller).await });
        recovers(&cache, 101, way).await;
    })
    .await;
}

#[tokio::test]
async fn callers_that_come_later_load_one_at_a_time_beside_the_retries() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        let failing = Failing::new(Pace::Gate(Semaphore::new(0)));
        let mut calls = begin(&cache, &failing, 20, plainly).await;
        until(async || failing.running() == PLACES).await;
        calls.extend((20..40).map(|caller| plainly(&cache, failing.clone(), caller)));
        until(async || failing.running() == PLACES + 1).await;
        for done in 0..39 {
            failing.release(1);
            until(async || failing.reads() - failing.running() > done + 1).await;
        }
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert_eq!((failing.reads(), failing.most()), (40, PLACES + 1));
    })
    .await;
}

#[tokio::test]
async fn callers_that_are_dropped_leave_their_places_to_others() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        let failing = Failing::new(Pace::Gate(Semaphore::new(0)));
        let calls = begin(&cache, &failing, 41, plainly).await;
        until(async || failing.running() == PLACES).await;
        let running = failing.0.running().clone();
        // Those in the middle of the queue, and half of those that run.
        let waiting: HashSet<_> = (1..41).filter(|caller| !running.contains(caller)).collect();
        let dropped: HashSet<_> =
            running.iter().take(4).chain(waiting.iter().take(10)).copied().collect();
        let mut kept = Vec::new();
        for (caller, call) in calls.into_iter().enumerate() {
            match dropped.contains(&caller) {
                true => call.abort(),
                false => kept.push(call),
            }
        }
        until(async || failing.reads() == 1 + PLACES + 4).await;
        assert_eq!(failing.running(), PLACES);
        failing.release(41);
        assert!(outputs(kept).await.iter().all(Result::is_err));
        assert_eq!((failing.reads(), failing.most()), (41 - 10, PLACES));
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// Callers of a body that panics for each of them. After the first panic, one caller loads for all that have
/// joined it by then. After another one, they make no queue.
async fn panics_for_all(cache: &TestCache, way: Way) {
    let failing = Failing::with(Pace::Free, |state| state.panics = true);
    for call in begin(cache, &failing, 81, way).await {
        assert!(in_time(call).await.unwrap_err().is_panic());
    }
    assert_eq!(failing.reads(), 81);
    assert!((2..=PLACES + 1).contains(&failing.most()), "{} at once", failing.most());
    assert_eq!(cache.manager.stats().flights, 0);
}

#[tokio::test]
async fn bodies_that_panic_leave_their_places_to_others() {
    on_patient_stores(&Store::ALL, async |cache: TestCache| {
        panics_for_all(&cache, plainly).await;
        panics_for_all(&cache, directly).await;
        panics_for_all(&cache, by_refresh).await;
    })
    .await;
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn a_caller_waits_for_a_place_no_longer_than_the_limit() {
    let limited = |config: CacheConfig| config.wait_limit(SECOND);
    on_store(Store::Memory, limited, async |cache: TestCache| {
        let failing = Failing::new(Pace::Gate(Semaphore::new(0)));
        let calls = begin(&cache, &failing, 1 + PLACES + 3, plainly).await;
        sleep(SECOND * 9 / 10).await;
        assert_eq!(failing.running(), PLACES);
        sleep(SECOND / 5).await;
        assert_eq!(failing.running(), PLACES + 3);
        failing.release(PLACES + 3);
        assert!(outputs(calls).await.iter().all(Result::is_err));
    })
    .await;
}

/// Two functions that call each other. The retries of both have begun before one of them does so.
#[cached(key_prefix = "retries_left", skip(source, all))]
async fn left(source: &Source, all: Option<&Barrier>) -> Loaded {
    match all {
        None => _ = source.read().await,
        Some(all) => {
            all.wait().await;
            _ = Box::pin(right(source, None)).await;
        }
    }
    Err(io::Error::other("left"))
}

#[cached(key_prefix = "retries_right", skip(source, all))]
async fn right(source: &Source, all: Option<&Barrier>) -> Loaded {
    match all {
        None => _ = source.read().await,
        Some(all) => {
            all.wait().await;
            _ = Box::pin(left(source, None)).await;
        }
    }
    Err(io::Error::other("right"))
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn retries_that_would_wait_for_each_other_do_not_wait() {
    on_patient_stores(&[Store::Memory], async |cache: TestCache| {
        let (began, all) = (Instant::now(), Arc::new(Barrier::new(2 * PLACES + 1)));
        let sources = [Source::new(0), Source::new(0)];
        let call = |side: usize, all: Option<&Arc<Barrier>>| {
            let (source, all) = (sources[side].clone(), all.cloned());
            cache.spawn(async move {
                match side {
                    0 => left(&source, all.as_deref()).await,
                    _ => right(&source, all.as_deref()).await,
                }
            })
        };
        let lead = async || {
            let holds = sources.each_ref().map(Source::hold);
            let leaders = [call(0, None), call(1, None)];
            for hold in &holds {
                hold.reached().await;
            }
            (holds, leaders)
        };
        let (holds, leaders) = lead().await;
        let mut calls = Vec::from(leaders);
        calls.extend((0..2 * PLACES).map(|caller| call(caller % 2, Some(&all))));
        settle(20).await;
        holds.into_iter().for_each(Hold::release);
        settle(20).await;
        // The retries have all places. Each waits for a load of the other function, which then fails.
        let (holds, leaders) = lead().await;
        calls.extend(leaders);
        all.wait().await;
        settle(20).await;
        holds.into_iter().for_each(Hold::release);
        assert!(outputs(calls).await.iter().all(Result::is_err));
        assert!(began.elapsed() < SECOND, "{:?}: a circle is found at once", began.elapsed());
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[cached(key_prefix = "retries_slow", skip(reads))]
async fn slow(reads: &Counter) -> u64 {
    reads.hit();
    sleep(Duration::from_secs(60)).await;
    1
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn a_requested_load_longer_than_the_limit_gets_two_more_loads_each_time_and_no_herd() {
    let limited = |config: CacheConfig| config.wait_limit(Duration::from_secs(10));
    on_store(Store::Memory, limited, async |cache: TestCache| {
        let reads = Counter::new();
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let reads = reads.clone();
                cache.spawn(async move { slow(&reads).cache_entry().refresh().await })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap(), 1);
        }
        // At the limit, the load goes on that waited for the one before, and one of its followers leads another.
        assert!((2..=15).contains(&reads.count()), "{} loads", reads.count());
    })
    .await;
}
