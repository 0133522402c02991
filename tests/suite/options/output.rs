//! `output`: whether a function returns a `Result`, where its return type does not show it.

use cache_runtime::{CacheValue, cached};
use cache_tests::Counter;

use crate::stores::{TestCache, on_each_store};

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
async fn a_result_taken_for_a_plain_value_is_not_cached() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        assert!(a_plain_value::<Fallible>(&runs).await.is_err());
        assert_eq!(a_plain_value::<Fallible>(&runs).await, Ok(2));
        assert_eq!(a_plain_value::<Fallible>(&runs).await, Ok(3));
        assert_eq!(cache.manager.stats().total.not_stored, 3);
    })
    .await;
}
