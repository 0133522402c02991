//! Results: only `Ok` is stored, however the type is spelled and however the body ends.

use std::num::ParseIntError;
use std::rc::Rc;

use cache_runtime::cached;
use cache_tests::Counter;

use crate::stores::{TestCache, on_each_store};

/// Not `Clone`, not serde, not an `Error`.
#[derive(Debug)]
struct Refusal;

type Alias<T> = Result<T, Refusal>;

mod elsewhere {
    pub(super) type Answer = Result<usize, super::Refusal>;
}

/// Fails at first.
fn second_time_lucky(runs: &Counter) -> Alias<usize> {
    match runs.hit() {
        1 => Err(Refusal),
        run => Ok(run),
    }
}

#[cached(skip(runs))]
async fn behind_an_alias(runs: &Counter) -> Alias<usize> {
    second_time_lucky(runs)
}

#[cached(skip(runs))]
async fn behind_a_path(runs: &Counter) -> elsewhere::Answer {
    second_time_lucky(runs)
}

#[cached(skip(runs))]
async fn with_a_box(runs: &Counter) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    Ok(second_time_lucky(runs).map_err(|_| "refused")?)
}

#[cached(skip(runs))]
async fn with_an_io_error(runs: &Counter) -> std::io::Result<usize> {
    second_time_lucky(runs).map_err(|_| std::io::Error::other("refused"))
}

#[tokio::test]
async fn an_error_is_not_stored_behind_any_spelling() {
    on_each_store(async |_: TestCache| {
        let runs: [Counter; 4] = std::array::from_fn(|_| Counter::new());
        for expected in [None, Some(2), Some(2)] {
            assert_eq!(behind_an_alias(&runs[0]).await.ok(), expected);
            assert_eq!(behind_a_path(&runs[1]).await.ok(), expected);
            assert_eq!(with_a_box(&runs[2]).await.ok(), expected);
            assert_eq!(with_an_io_error(&runs[3]).await.ok(), expected);
        }
    })
    .await;
}

#[cached(skip(runs))]
async fn borrowing_error<'a>(runs: &Counter, text: &'a str) -> Result<usize, &'a str> {
    runs.hit();
    text.parse().map_err(|_| text)
}

#[tokio::test]
async fn an_error_may_borrow() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..2 {
            assert_eq!(borrowing_error(&runs, "5").await, Ok(5));
            assert_eq!(borrowing_error(&runs, "five").await, Err("five"));
        }
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[cached(skip(runs))]
async fn ends_early(runs: &Counter, text: &str) -> Result<i64, ParseIntError> {
    runs.hit();
    if text.is_empty() {
        return Ok(0);
    }
    for part in text.split(' ') {
        let number: i64 = part.parse()?;
        if number < 0 {
            return Ok(number);
        }
    }
    Ok(1)
}

#[tokio::test]
async fn return_and_question_mark_end_the_body_and_not_the_call() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        for _ in 0..2 {
            assert_eq!(ends_early(&runs, "").await, Ok(0));
            assert_eq!(ends_early(&runs, "1 -2 x").await, Ok(-2));
            assert_eq!(ends_early(&runs, "1 2").await, Ok(1));
            assert!(ends_early(&runs, "x").await.is_err());
        }
        assert_eq!(runs.count(), 5, "three values stored, one error twice");
        assert_eq!(cache.manager.stats().total.stores, 3);
    })
    .await;
}

#[cached(skip(runs))]
async fn option_of_result(runs: &Counter) -> Option<Result<u8, String>> {
    runs.hit();
    Some(Err("a value like any other".to_owned()))
}

#[tokio::test]
async fn a_result_inside_a_value_is_a_part_of_it() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!(option_of_result(&runs).await, option_of_result(&runs).await);
        assert_eq!(runs.count(), 1);
    })
    .await;
}

#[cached(skip(runs))]
async fn not_send(runs: &Counter) -> usize {
    let run = Rc::new(runs.hit());
    tokio::task::yield_now().await;
    *run
}

#[tokio::test]
async fn a_body_need_not_be_send() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!((not_send(&runs).await, not_send(&runs).await), (1, 1));
    })
    .await;
}

/// Fails to compile if the future of a cached function with a `Send` body is not `Send`.
#[tokio::test]
async fn calls_can_be_spawned() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let spawned = cache.spawn(async move { ends_early(&runs, "7").await });
        assert_eq!(spawned.await.unwrap(), Ok(1));
    })
    .await;
}
