//! A load that fails: its error is shared where it can be cloned; else everybody loads, eight at once.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use cache_runtime::{SharedError, cached};
use cache_tests::Counter;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, yield_now};

use crate::source::Source;
use crate::stores::{TestCache, in_time, on_each_store};

const CALLERS: usize = 33;

/// Loads that fail. The first one can be held up.
#[derive(Clone, Debug)]
struct Loads {
    first: Source,
    runs: Counter,
    /// A barrier at which all but the first load wait, if set.
    others: Option<Arc<Barrier>>,
}

impl Loads {
    fn new() -> Self {
        Loads { first: Source::new(0), runs: Counter::new(), others: None }
    }

    /// Loads of which this many must run at once after the first, or none of them ends.
    fn together(others: usize) -> Self {
        Loads { others: Some(Arc::new(Barrier::new(others))), ..Self::new() }
    }

    /// Returns the number of this run, at its end.
    async fn run(&self) -> usize {
        let run = self.runs.hit();
        match &self.others {
            _ if run == 1 => _ = self.first.read().await,
            Some(others) => _ = others.wait().await,
            None => {}
        }
        run
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Shared(usize);

#[derive(Debug)]
struct Kept(usize);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}", self.0)
    }
}

impl Error for Kept {}

#[cached(ttl = "1m", skip(loads))]
async fn fails_with_a_clone(loads: &Loads) -> Result<u64, Shared> {
    let run = loads.run().await;
    Err(Shared(run))
}

#[cached(ttl = "1m", skip(loads))]
async fn fails_without_a_clone(loads: &Loads) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let run = loads.run().await;
    Err(Box::new(Kept(run)))
}

#[cached(ttl = "1m", skip(loads))]
async fn fails_with_any_error(loads: &Loads) -> anyhow::Result<u64> {
    let run = loads.run().await;
    Err(anyhow::Error::new(Kept(run)))
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_what_it_can_wrap(loads: &Loads) -> anyhow::Result<u64> {
    let run = loads.run().await;
    Err(anyhow::Error::new(Kept(run)).context("not loaded"))
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_a_boxed_error(loads: &Loads) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let run = loads.run().await;
    Err(Box::new(Kept(run)))
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_an_io_error(loads: &Loads) -> io::Result<u64> {
    let run = loads.run().await;
    Err(io::Error::new(io::ErrorKind::NotFound, Kept(run)))
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_an_error_of_the_system(loads: &Loads) -> io::Result<u64> {
    loads.run().await;
    Err(io::Error::from_raw_os_error(2))
}

/// An error as programs have them: an enum with a variant for each source, among them a shared error.
#[derive(Debug)]
enum Own {
    Kept(Kept),
    Shared(SharedError),
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Own::Kept(kept) => kept.fmt(f),
            Own::Shared(shared) => shared.fmt(f),
        }
    }
}

impl Error for Own {}

impl From<SharedError> for Own {
    fn from(shared: SharedError) -> Self {
        Own::Shared(shared)
    }
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_an_error_with_a_variant_for_it(loads: &Loads) -> Result<u64, Own> {
    let run = loads.run().await;
    Err(Own::Kept(Kept(run)))
}

#[cached(ttl = "1m", share_errors = true, skip(loads, fail))]
async fn shares_errors_of_a_parameter<E>(loads: &Loads, fail: fn(usize) -> E) -> Result<u64, E>
where
    E: Error + From<SharedError> + Send + Sync + 'static,
{
    let run = loads.run().await;
    Err(fail(run))
}

/// A report of any error. It is no `Error` itself, as that of `eyre` is none.
#[derive(Debug)]
struct Report(Box<dyn Error + Send + Sync>);

impl AsRef<dyn Error + Send + Sync> for Report {
    fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Report {
    fn from(error: E) -> Self {
        Report(Box::new(error))
    }
}

#[cached(ttl = "1m", share_errors = true, skip(loads))]
async fn shares_a_report(loads: &Loads) -> Result<u64, Report> {
    Err(Kept(loads.run().await))?
}

#[cached(ttl = "1m", share_errors = false, skip(loads))]
async fn keeps_what_it_could_clone(loads: &Loads) -> Result<u64, Shared> {
    let run = loads.run().await;
    Err(Shared(run))
}

#[cached(ttl = "1m", coalesce = "off", skip(loads))]
async fn alone(loads: &Loads) -> usize {
    let run = loads.runs.hit();
    match &loads.others {
        Some(others) => _ = others.wait().await,
        None => panic!("they meet"),
    }
    run
}

/// Returns the results of 33 calls. All but the first one begin while that one is loading.
async fn many<T: Send + 'static>(loads: &Loads, call: impl Fn() -> JoinHandle<T>) -> Vec<T> {
    let hold = loads.first.hold();
    let mut calls = vec![call()];
    hold.reached().await;
    calls.extend((1..CALLERS).map(|_| call()));
    // The runtime has one thread: each of them has been polled then.
    yield_now().await;
    hold.release();
    in_time(async {
        let mut outputs = Vec::new();
        for call in calls {
            outputs.push(call.await.unwrap());
        }
        outputs
    })
    .await
}

#[tokio::test]
async fn a_clonable_error_reaches_all_who_waited_for_the_load() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { fails_with_a_clone(&loads).await })
        };
        assert_eq!(many(&loads, call).await, vec![Err(Shared(1)); CALLERS]);
        assert_eq!(loads.runs.count(), 1);
    })
    .await;
}

/// Returns the original error, if it was shared or not.
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
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { shares_what_it_can_wrap(&loads).await })
        };
        for output in many(&loads, call).await {
            let error = output.unwrap_err();
            assert_eq!((error.to_string().as_str(), original(&error)), ("not loaded", Some(1)));
        }
        assert_eq!(loads.runs.count(), 1);

        // Nobody waits: the error is as it was.
        let error = shares_what_it_can_wrap(&loads).await.unwrap_err();
        assert!(error.downcast_ref::<SharedError>().is_none());
        assert_eq!(original(&error), Some(2));
    })
    .await;
}

#[tokio::test]
async fn a_boxed_error_is_shared_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { shares_a_boxed_error(&loads).await.unwrap_err().to_string() })
        };
        assert_eq!(many(&loads, call).await, vec!["run 1"; CALLERS]);
        assert_eq!(loads.runs.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_io_error_is_shared_with_its_kind_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { shares_an_io_error(&loads).await.unwrap_err() })
        };
        for error in many(&loads, call).await {
            let shown = (error.kind(), error.to_string());
            assert_eq!(shown, (io::ErrorKind::NotFound, "run 1".to_owned()));
            let shared = error.get_ref().unwrap().downcast_ref::<SharedError>().unwrap();
            let original = shared.downcast_ref::<io::Error>().unwrap().get_ref().unwrap();
            assert_eq!(original.downcast_ref::<Kept>().unwrap().0, 1);
        }
        assert_eq!(loads.runs.count(), 1);

        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { shares_an_error_of_the_system(&loads).await.unwrap_err() })
        };
        let errors = many(&loads, call).await;
        assert!(errors.iter().all(|error| error.raw_os_error() == Some(2)), "{errors:?}");
        assert_eq!(loads.runs.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_error_with_a_variant_for_it_is_shared_if_asked_for() {
    let are_shared = |errors: Vec<Own>| {
        for error in errors {
            let Own::Shared(shared) = error else { panic!("{error:?}") };
            assert!(matches!(shared.downcast_ref(), Some(Own::Kept(Kept(1)))), "{shared:?}");
        }
    };
    on_each_store(async |cache: TestCache| {
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(
                async move { shares_an_error_with_a_variant_for_it(&loads).await.unwrap_err() },
            )
        };
        are_shared(many(&loads, call).await);
        assert_eq!(loads.runs.count(), 1);

        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            let fail = |run| Own::Kept(Kept(run));
            cache
                .spawn(async move { shares_errors_of_a_parameter(&loads, fail).await.unwrap_err() })
        };
        are_shared(many(&loads, call).await);
        assert_eq!(loads.runs.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_report_is_shared_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::new();
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { shares_a_report(&loads).await.unwrap_err() })
        };
        for Report(error) in many(&loads, call).await {
            let shared = error.downcast_ref::<SharedError>().unwrap();
            assert_eq!(shared.downcast_ref::<Kept>().unwrap().0, 1);
        }
        assert_eq!(loads.runs.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_error_that_could_be_cloned_is_kept_if_asked_for() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::together(8);
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { keeps_what_it_could_clone(&loads).await })
        };
        let mut seen: Vec<_> =
            many(&loads, call).await.into_iter().map(|output| output.unwrap_err().0).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=CALLERS).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn without_coalescing_each_caller_loads() {
    on_each_store(async |cache: TestCache| {
        let loads = Loads::together(30);
        let call = || {
            let loads = loads.clone();
            cache.spawn(async move { alone(&loads).await })
        };
        let calls: Vec<_> = (0..30).map(|_| call()).collect();
        in_time(async {
            for call in calls {
                call.await.unwrap();
            }
        })
        .await;
        assert_eq!(loads.runs.count(), 30);
        assert_eq!(cache.manager.stats().total.coalesced, 0);
        // The value that one of them has stored serves the others.
        assert!((1..=30).contains(&alone(&loads).await));
        assert_eq!(loads.runs.count(), 30);
    })
    .await;
}

#[tokio::test]
async fn errors_that_cannot_be_cloned_make_no_queue() {
    on_each_store(async |cache: TestCache| {
        let make_no_queue = async |call: &dyn Fn(Loads) -> JoinHandle<Kept>| {
            let loads = Loads::together(8);
            let errors = many(&loads, || call(loads.clone())).await;
            let mut seen: Vec<_> = errors.into_iter().map(|error| error.0).collect();
            seen.sort_unstable();
            // Each caller has an error of its own, as its body has made it.
            assert_eq!(seen, (1..=CALLERS).collect::<Vec<_>>());
        };
        make_no_queue(&|loads| {
            cache.spawn(async move {
                *fails_without_a_clone(&loads).await.unwrap_err().downcast::<Kept>().unwrap()
            })
        })
        .await;
        make_no_queue(&|loads| {
            cache.spawn(async move {
                fails_with_any_error(&loads).await.unwrap_err().downcast::<Kept>().unwrap()
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
