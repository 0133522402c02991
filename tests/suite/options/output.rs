//! `output`: whether a function returns a `Result`, where its return type does not show it.

use std::sync::LazyLock;
use std::time::Duration;

use cache_runtime::{CacheValue, cached};
use cache_tests::Counter;
use serde::{Deserialize, Serialize};

use crate::stores::{Store, TestCache, on_each_store, on_stores};

trait Answer {
    type Output;
    fn answer(runs: usize) -> Self::Output;
}

/// Fails at first.
struct Fallible;

impl Answer for Fallible {
    type Output = Result<usize, String>;
    fn answer(runs: usize) -> Self::Output {
        if runs == 1 { Err("not yet".to_owned()) } else { Ok(runs) }
    }
}

struct Plain;

impl Answer for Plain {
    type Output = usize;
    fn answer(runs: usize) -> usize {
        runs
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Failure(usize);

/// Fails always, and its failures are stored.
#[cached(output = "plain", skip(runs), ttl = *MINUTE, version = VERSION, jitter = NO_JITTER)]
async fn all_of_a_result(runs: &Counter) -> Result<u64, Failure> {
    Err(Failure(runs.hit()))
}

static MINUTE: LazyLock<Duration> = LazyLock::new(|| Duration::from_secs(60));
const VERSION: u64 = 2;
const NO_JITTER: f64 = 0.0;

#[tokio::test]
async fn plain_stores_a_result_with_its_errors() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let runs = Counter::new();
        for _ in 0..3 {
            assert_eq!(all_of_a_result(&runs).await, Err(Failure(1)));
        }
        cache.clock.advance(*MINUTE - Duration::from_secs(1));
        assert_eq!(all_of_a_result(&runs).await, Err(Failure(1)));
        cache.clock.advance(Duration::from_secs(2));
        assert_eq!(all_of_a_result(&runs).await, Err(Failure(2)), "the expression is the TTL");
    })
    .await;
}

#[cached(output = "result", skip(runs))]
async fn a_result<A, T>(runs: &Counter) -> A::Output
where
    A: Answer<Output = Result<T, String>>,
    T: CacheValue,
{
    A::answer(runs.hit())
}

#[cached(output = "plain", skip(runs))]
async fn a_plain_value<A>(runs: &Counter) -> A::Output
where
    A: Answer<Output: CacheValue>,
{
    A::answer(runs.hit())
}

#[tokio::test]
async fn a_projection_may_be_a_result() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!(a_result::<Fallible, _>(&runs).await, Err("not yet".to_owned()));
        assert_eq!(a_result::<Fallible, _>(&runs).await, Ok(2));
        assert_eq!(a_result::<Fallible, _>(&runs).await, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn a_projection_may_be_a_plain_value() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!(a_plain_value::<Plain>(&runs).await, 1);
        assert_eq!(a_plain_value::<Plain>(&runs).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_result_taken_for_a_plain_value_is_stored_with_its_error() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!(a_plain_value::<Fallible>(&runs).await, Err("not yet".to_owned()));
        assert_eq!(a_plain_value::<Fallible>(&runs).await, Err("not yet".to_owned()));
        assert_eq!(runs.count(), 1);
    })
    .await;
}
