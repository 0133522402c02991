//! Packages whose crates have one name, as two services may each have a binary called `api`.

use cache_runtime::CacheCall as _;

use crate::stores::{TestCache, on_each_store};

#[tokio::test]
async fn functions_of_packages_whose_crates_have_one_name_share_no_values() {
    on_each_store(async |cache: TestCache| {
        assert_eq!((left::plain(1, 5).await, right::plain(2, 5).await), (15, 25));
        assert_eq!((left::plain(3, 5).await, right::plain(3, 5).await), (15, 25));
        let names = (
            left::plain(1, 5).cache_entry().name().unwrap(),
            right::plain(2, 5).cache_entry().name().unwrap(),
        );
        assert_ne!(names.0, names.1);
        for name in [names.0, names.1] {
            let is_kept = cache.manager.inspect(&name).await.unwrap().is_some();
            assert!(is_kept, "both are kept where any function's values are");
        }
    })
    .await;
}

/// With a `key` they have one name: each finds its own value or none, never the other's. In Redis one is kept
/// beside the other, in memory the later one takes the place of the other.
#[tokio::test]
async fn a_function_of_another_package_with_the_same_name_is_a_miss() {
    on_each_store(async |cache: TestCache| {
        assert_eq!(left::rendered(1, 5).await, 15);
        assert_eq!(right::rendered(2, 5).await, 25);
        assert_eq!(right::rendered(3, 5).await, 25);
        let expected = if cache.store.asks_redis_each_time() { [15, 15] } else { [15, 45] };
        assert!(expected.contains(&left::rendered(4, 5).await));
    })
    .await;
}
