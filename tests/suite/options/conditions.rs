//! `cache_if` and `bypass_if`: what is stored, and which calls look at the cache at all.

use cache_runtime::cached;

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

#[cached(cache_if = |value| *value > 10, skip(source))]
async fn large(source: &Source) -> u64 {
    source.read().await
}

#[cached(cache_if = is_large, skip(source))]
async fn large_by_a_function(source: &Source) -> Result<u64, String> {
    Ok(source.read().await)
}

fn is_large(value: &u64) -> bool {
    *value > 10
}

#[cached(key_prefix = "bypass_if", key = "{id}", bypass_if = fresh || id == 0)]
async fn bypassed(source: &Source, id: u64, fresh: bool) -> u64 {
    _ = (id, fresh);
    source.read().await
}

#[tokio::test]
async fn a_value_is_stored_only_if_the_condition_holds() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        assert_eq!(large(&source).await, 1);
        assert_eq!(large_by_a_function(&source).await, Ok(1));
        source.set(11);
        assert_eq!(large(&source).await, 11);
        assert_eq!(large_by_a_function(&source).await, Ok(11));
        source.set(12);
        assert_eq!(large(&source).await, 11);
        assert_eq!(large_by_a_function(&source).await, Ok(11));
        assert_eq!(source.reads(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_bypassed_call_neither_reads_nor_stores() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(bypassed(&source, 7, true).await, 1);
        source.set(2);
        assert_eq!(bypassed(&source, 7, false).await, 2, "the bypassed call has stored nothing");
        source.set(3);
        assert_eq!(bypassed(&source, 7, true).await, 3);
        assert_eq!(bypassed(&source, 7, false).await, 2);
        assert_eq!(bypassed(&source, 0, false).await, 3);
        assert_eq!(bypassed(&source, 0, false).await, 3);
        assert_eq!(source.reads(), 5);
        let counts = cache.manager.stats().total;
        assert_eq!((counts.bypassed, counts.loads), (4, 1));
    })
    .await;
}
