//! Errors whose code panics where the cache shares or drops them: each caller has an error, or the value of before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fmt, mem};

use cache_runtime::{CacheCall as _, SharedError, cached};
use serde::Serialize;
use tokio::task::yield_now;

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores, until};

const MINUTE: Duration = Duration::from_secs(60);

/// The part of an error's code that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
enum Part {
    Clone,
    /// `Clone`, except the first time.
    LaterClone,
    Drop,
}

#[derive(Debug)]
struct Brittle {
    part: Part,
    clones: Arc<AtomicUsize>,
}

impl Brittle {
    fn new(part: Part) -> Self {
        Brittle { part, clones: Arc::default() }
    }
}

impl Clone for Brittle {
    fn clone(&self) -> Self {
        let before = self.clones.fetch_add(1, Ordering::SeqCst);
        assert!(self.part != Part::Clone, "the first `Clone` of an error");
        assert!(self.part != Part::LaterClone || before == 0, "a later `Clone` of an error");
        Brittle { part: self.part, clones: Arc::clone(&self.clones) }
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        // Two panics at once end the process.
        assert!(self.part != Part::Drop || std::thread::panicking(), "the `Drop` of an error");
    }
}

/// An error that cannot be cloned, and panics where it is to wrap another one.
#[derive(Debug)]
struct Unwrapping;

impl fmt::Display for Unwrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unwrapping")
    }
}

impl std::error::Error for Unwrapping {}

impl AsRef<dyn std::error::Error + Send + Sync> for Unwrapping {
    fn as_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }
}

impl From<SharedError> for Unwrapping {
    fn from(_: SharedError) -> Self {
        panic!("the `From` of an error")
    }
}

#[cached(key_prefix = "panicking_error", skip(source))]
async fn fails(source: &Source, part: Part) -> Result<u64, Brittle> {
    source.read().await;
    Err(Brittle::new(part))
}

#[cached(key_prefix = "panicking_wrap", share_errors = true, skip(source))]
async fn fails_with_a_wrap(source: &Source) -> Result<u64, Unwrapping> {
    source.read().await;
    Err(Unwrapping)
}

/// Returns a load of the first caller, for which the others wait.
async fn three<T>(source: &Source, call: impl AsyncFn() -> T) -> [T; 3] {
    let hold = source.hold();
    let release = async {
        hold.reached().await;
        yield_now().await;
        hold.release();
    };
    let (a, b, c, ()) = in_time(async { tokio::join!(call(), call(), call(), release) }).await;
    [a, b, c]
}

/// Forgets an error, so that its `Drop` is not the caller's.
fn is_error(output: Result<u64, Brittle>) -> bool {
    output.map_err(mem::forget).is_err()
}

// R3: the leader of a load has its own error, whatever becomes of the copies.
#[tokio::test]
async fn an_error_whose_code_panics_reaches_every_caller() {
    on_each_store(async |_| {
        for part in [Part::Clone, Part::LaterClone, Part::Drop] {
            let source = Source::new(0);
            let outputs = three(&source, || fails(&source, part)).await;
            assert_eq!(outputs.map(is_error), [true; 3], "{part:?}");
            let loads = if part == Part::Drop { 1 } else { 3 };
            assert_eq!(source.reads(), loads, "{part:?}: who gets no copy loads");
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_whose_code_panics_reaches_every_caller_of_a_refresh() {
    on_each_store(async |_| {
        for part in [Part::Clone, Part::LaterClone, Part::Drop] {
            let source = Source::new(0);
            let refresh = async || fails(&source, part).cache_entry().refresh().await.unwrap();
            let outputs = three(&source, refresh).await;
            assert_eq!(outputs.map(is_error), [true; 3], "{part:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_that_panics_where_it_is_wrapped_reaches_every_caller() {
    on_each_store(async |_| {
        let source = Source::new(0);
        let outputs = three(&source, || fails_with_a_wrap(&source)).await;
        assert!(outputs.iter().all(Result::is_err));
        assert_eq!(source.reads(), 3, "each of them has loaded");
    })
    .await;
}

#[cached(key_prefix = "panicking_stale", ttl = 60, stale_if_error = "1h", skip(source))]
async fn if_error(source: &Source, part: Part) -> Result<u64, Brittle> {
    match source.read().await {
        0 => Err(Brittle::new(part)),
        value => Ok(value),
    }
}

#[cached(key_prefix = "panicking_aside", ttl = 60, stale_while_revalidate = "1h", skip(source))]
async fn revalidated(source: &Source, part: Part) -> Result<u64, Brittle> {
    match source.read().await {
        0 => Err(Brittle::new(part)),
        value => Ok(value),
    }
}

#[tokio::test]
async fn the_value_of_before_is_served_though_the_drop_of_the_error_panics() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert!(!is_error(if_error(&source, Part::Drop).await));
        cache.clock.advance(2 * MINUTE);
        source.set(0);
        assert!(!is_error(if_error(&source, Part::Drop).await));
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_in_the_background_whose_error_panics_is_said_to_have_failed() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        for part in [Part::Clone, Part::Drop] {
            let source = Source::new(1);
            assert!(!is_error(revalidated(&source, part).await));
            cache.clock.advance(2 * MINUTE);
            source.set(0);
            assert!(!is_error(revalidated(&source, part).await));
            until(async || source.reads() == 2).await;
            until(async || cache.manager.stats().background_loads == 0).await;
            assert_eq!(cache.manager.stats().total.load_errors, 1 + u64::from(part == Part::Drop));
        }
    })
    .await;
    let said = log.lines("WARN");
    assert!(said.iter().any(|line| line.contains("a background refresh failed")), "{said:#?}");
    assert!(!log.text().contains("the body panicked"), "{}", log.text());
}
