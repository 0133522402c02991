//! A load that fails: its error is shared where it can be cloned; else everybody loads at once.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use cache_runtime::{SharedError, cached};
use cache_tests::Counter;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::stores::{TestCache, on_each_store};

/// How long each load takes: time enough for 30 callers who come 1 ms after one another.
const LOAD: Duration = Duration::from_millis(60);
const MILLISECOND: Duration = Duration::from_millis(1);

#[derive(Clone, Debug, PartialEq)]
struct Shared(usize);

#[derive(Debug)]
struct Kept(usize);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}", self.0)
    }
}

impl std::error::Error for Kept {}

#[cached(ttl = "1m", skip(runs))]
async fn fails_with_a_clone(runs: &Counter) -> Result<u64, Shared> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(Shared(run))
}

#[cached(ttl = "1m", skip(runs))]
async fn fails_without_a_clone(
    runs: &Counter,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(Box::new(Kept(run)))
}

#[cached(ttl = "1m", skip(runs))]
async fn fails_with_any_error(runs: &Counter) -> anyhow::Result<u64> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(anyhow::Error::new(Kept(run)))
}

#[cached(ttl = "1m", share_errors = true, skip(runs))]
async fn shares_what_it_can_wrap(runs: &Counter) -> anyhow::Result<u64> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(anyhow::Error::new(Kept(run)).context("not loaded"))
}

#[cached(ttl = "1m", share_errors = true, skip(runs))]
async fn shares_a_boxed_error(
    runs: &Counter,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(Box::new(Kept(run)))
}

#[cached(ttl = "1m", share_errors = false, skip(runs))]
async fn keeps_what_it_could_clone(runs: &Counter) -> Result<u64, Shared> {
    let run = runs.hit();
    sleep(LOAD).await;
    Err(Shared(run))
}

#[cached(ttl = "1m", coalesce = "off", skip(runs))]
async fn alone(runs: &Counter) -> usize {
    let run = runs.hit();
    sleep(LOAD).await;
    run
}

/// Thirty calls, staggered by a millisecond; what they returned, and how long all of them took.
async fn thirty<T: Send + 'static>(call: impl Fn() -> JoinHandle<T>) -> (Vec<T>, Duration) {
    staggered(MILLISECOND, call).await
}

/// Thirty calls, each so long after the one before.
async fn staggered<T: Send + 'static>(
    pause: Duration,
    call: impl Fn() -> JoinHandle<T>,
) -> (Vec<T>, Duration) {
    let began = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..30 {
        calls.push(call());
        sleep(pause).await;
    }
    let mut outputs = Vec::new();
    for call in calls {
        outputs.push(call.await.unwrap());
    }
    (outputs, began.elapsed())
}

#[tokio::test]
async fn a_clonable_error_reaches_all_who_waited_for_the_load() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let call = || {
            let runs = runs.clone();
            cache.spawn(async move { fails_with_a_clone(&runs).await })
        };
        let (outputs, _) = thirty(call).await;
        let first = outputs.iter().filter(|output| **output == Err(Shared(1))).count();
        assert!(first > 1, "nobody shared the first error");
        assert!(runs.count() < 10, "{} loads", runs.count());
    })
    .await;
}

/// The original error, if it was shared or not.
fn original(error: &anyhow::Error) -> Option<usize> {
    let kept = match error.downcast_ref::<SharedError>() {
        Some(shared) => shared.source().and_then(|source| source.downcast_ref::<Kept>()),
        None => error.downcast_ref::<Kept>(),
    };
    kept.map(|kept| kept.0)
}

#[tokio::test]
async fn an_error_that_can_wrap_another_is_shared_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let call = || {
            let runs = runs.clone();
            cache.spawn(async move { shares_what_it_can_wrap(&runs).await })
        };
        let (outputs, _) = thirty(call).await;
        let errors: Vec<_> = outputs.into_iter().map(Result::unwrap_err).collect();
        assert!(errors.iter().all(|error| error.to_string() == "not loaded"));
        let first = errors.iter().filter(|error| original(error) == Some(1)).count();
        assert!(first > 1, "nobody shared the first error");
        assert!(runs.count() < 10, "{} loads", runs.count());

        // Nobody waits: the error is as it was.
        let error = shares_what_it_can_wrap(&runs).await.unwrap_err();
        assert!(error.downcast_ref::<SharedError>().is_none());
        assert_eq!(original(&error), Some(runs.count()));
    })
    .await;
}

#[tokio::test]
async fn a_boxed_error_is_shared_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let call = || {
            let runs = runs.clone();
            cache.spawn(async move { shares_a_boxed_error(&runs).await.unwrap_err().to_string() })
        };
        let (outputs, _) = thirty(call).await;
        assert!(outputs.iter().filter(|error| *error == "run 1").count() > 1);
        assert!(runs.count() < 10, "{} loads", runs.count());
    })
    .await;
}

#[tokio::test]
async fn an_error_that_could_be_cloned_is_kept_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let call = || {
            let runs = runs.clone();
            cache.spawn(async move { keeps_what_it_could_clone(&runs).await })
        };
        let (outputs, _) = thirty(call).await;
        assert_eq!(outputs.iter().filter(|output| **output == Err(Shared(1))).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn without_coalescing_each_caller_loads() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let call = || {
            let runs = runs.clone();
            cache.spawn(async move { alone(&runs).await })
        };
        let (outputs, _) = thirty(call).await;
        assert!(runs.count() > 1, "{} loads", runs.count());
        assert_eq!(cache.manager.stats().total.coalesced, 0);
        // What one has stored serves the rest.
        assert!(outputs.contains(&alone(&runs).await));
    })
    .await;
}

#[tokio::test]
async fn errors_that_cannot_be_cloned_make_no_queue() {
    on_each_store(async |cache: TestCache| {
        let make_no_queue = async |call: &dyn Fn(Counter) -> JoinHandle<Kept>| {
            for pause in [MILLISECOND, 5 * MILLISECOND] {
                let runs = Counter::new();
                let (errors, took) = staggered(pause, || call(runs.clone())).await;
                let mut seen: Vec<_> = errors.into_iter().map(|error| error.0).collect();
                seen.sort_unstable();
                // Each caller has an error of its own, as its body has made it.
                assert_eq!(seen, (1..=30).collect::<Vec<_>>());
                assert!(took < LOAD * 15, "30 loads of {LOAD:?} took {took:?}");
            }
        };
        make_no_queue(&|runs| {
            cache.spawn(async move {
                *fails_without_a_clone(&runs).await.unwrap_err().downcast::<Kept>().unwrap()
            })
        })
        .await;
        make_no_queue(&|runs| {
            cache.spawn(async move {
                fails_with_any_error(&runs).await.unwrap_err().downcast::<Kept>().unwrap()
            })
        })
        .await;
    })
    .await;
}

#[cached(ttl = "1m", skip(runs))]
async fn fails_once(runs: &Counter) -> Result<usize, Shared> {
    match runs.hit() {
        1 => Err(Shared(1)),
        run => Ok(run),
    }
}

#[tokio::test]
async fn an_error_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        assert_eq!(fails_once(&runs).await, Err(Shared(1)));
        assert_eq!(fails_once(&runs).await, Ok(2));
        assert_eq!(fails_once(&runs).await, Ok(2));
        let counts = cache.manager.stats().total;
        assert_eq!((counts.loads, counts.load_errors, counts.stores), (2, 1, 1));
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}
