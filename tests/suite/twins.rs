//! Two functions that the compiler prints alike.

use cache_runtime::{cached, with};
use cache_tests::Counter;

use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

macro_rules! price {
    ($value:expr) => {{
        #[cached]
        async fn price(id: u64) -> u64 {
            id + $value
        }
        price
    }};
}

macro_rules! named_price {
    ($value:expr) => {{
        #[cached(key_prefix = "twin", key = "{id}")]
        async fn named_price(id: u64) -> u64 {
            id + $value
        }
        named_price
    }};
}

#[tokio::test]
async fn functions_of_one_name_in_sibling_blocks_are_told_apart() {
    on_each_store(async |_: TestCache| {
        let (first, second) = (price!(10), price!(20));
        assert_eq!((first(1).await, second(1).await), (11, 21));
        assert_eq!((first(1).await, second(1).await), (11, 21));
        let (first, second) = (named_price!(10), named_price!(20));
        assert_eq!((first(1).await, second(1).await), (11, 21));
        assert_eq!((first(1).await, second(1).await), (11, 21));
    })
    .await;
}

macro_rules! counted {
    () => {{
        #[cached(key_prefix = "twin_counted", key = "{id}")]
        async fn counted(runs: &Counter, id: u64) -> usize {
            _ = id;
            runs.hit()
        }
        counted
    }};
}

#[tokio::test]
async fn another_process_invalidates_the_second_of_two_twins() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (first, second) = (counted!(), counted!());
        let (runs, peer) = (Counter::new(), cache.peer().await);
        first(&runs, 1).await;
        let stored = second(&runs, 1).await;
        assert_eq!(second(&runs, 1).await, stored);
        with(&peer, async { peer.invalidate_prefix("twin_counted").await.unwrap() }).await;
        until(async || second(&runs, 1).await != stored).await;
    })
    .await;
}
