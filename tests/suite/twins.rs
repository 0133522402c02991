//! Two functions that the compiler prints alike.

use cache_runtime::cached;

use crate::stores::{TestCache, on_each_store};

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
