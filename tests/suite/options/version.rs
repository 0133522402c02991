//! `version`: raised when the meaning of the value changes.

use cache_runtime::cached;

use crate::stores::{TestCache, on_each_store};

/// A function at two times: a block makes two of one path, and their template makes one name.
macro_rules! price_at {
    ($version:literal, $value:expr) => {{
        #[cached(key_prefix = "version_option", key = "{id}", version = $version)]
        async fn price(id: u64) -> u64 {
            _ = id;
            $value
        }
        price(1)
    }};
}

#[tokio::test]
async fn values_of_another_version_are_not_served() {
    on_each_store(async |cache: TestCache| {
        assert_eq!(price_at!(1, 10).await, 10);
        assert_eq!(price_at!(1, 11).await, 10, "the same version is the same function");
        assert_eq!(price_at!(2, 20).await, 20);
        assert_eq!(price_at!(2, 21).await, 20);
        assert_eq!(cache.manager.get("version_option:1").await.unwrap(), Some(20_u64));
    })
    .await;
}
