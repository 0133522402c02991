//! `version`: raised when the meaning of the value changes.

use cache_runtime::cached;

use crate::stores::{TestCache, on_each_store};

/// A function as it was, and as it is now: a block makes two of one path, and their template
/// makes one name.
macro_rules! price_at {
    ($version:literal, $value:expr) => {{
        #[cached(key_prefix = "version_option", key = "{id}", version = $version)]
        async fn price(id: u64) -> u64 {
            _ = id;
            $value
        }
        price
    }};
}

#[tokio::test]
async fn values_of_another_version_are_not_served() {
    on_each_store(async |cache: TestCache| {
        let (before, after) = (price_at!(1, 10), price_at!(2, 20));
        assert_eq!((before(1).await, before(1).await), (10, 10));
        assert_eq!(cache.manager.stats().total.loads, 1);
        assert_eq!((after(1).await, after(1).await), (20, 20));
        assert_eq!(cache.manager.stats().total.loads, 2);
        // Each version has a value under the name, and for the direct API one of them is as good as the
        // other.
        let direct = cache.manager.get("version_option:1").await.unwrap();
        assert!([Some(10_u64), Some(20)].contains(&direct), "{direct:?}");
        assert_eq!((before(1).await, after(1).await), (10, 20));
        assert_eq!(cache.manager.stats().total.loads, 2);
    })
    .await;
}
