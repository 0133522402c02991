//! Different arguments that serialise alike, and so have one key.
//!
//! `left` is built without `debug_assertions`, as a release is, and `right` with them.

use cache_runtime::{CacheConfig, CacheManager, with};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_store, on_stores};

/// The load of a call: what the source says.
fn load(source: &Source) -> left::Load {
    let source = source.clone();
    Box::pin(async move { source.read().await })
}

async fn by_hash(process: &CacheManager, source: &Source, id: left::Id) -> u64 {
    with(process, left::by_hash(load(source), id)).await
}

async fn by_text(process: &CacheManager, source: &Source, scale: f64) -> u64 {
    with(process, left::by_text(load(source), &[left::Scaled { id: 1, scale }])).await
}

#[tokio::test]
async fn a_value_in_redis_is_not_that_of_arguments_that_serialise_alike() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, here) = (Source::new(1), &cache.manager);
        // Nothing is in the memory of this one.
        let there = cache.peer().await;
        assert_eq!(by_hash(here, &source, left::Id::User(1)).await, 1);
        source.set(2);
        assert_eq!(by_hash(&there, &source, left::Id::Team(1)).await, 2);
        source.set(3);
        assert_eq!(by_hash(&there, &source, left::Id::Team(1)).await, 3, "it is not stored");
        let third = cache.peer().await;
        assert_eq!(by_hash(&third, &source, left::Id::User(1)).await, 1, "nor is it replaced");
        assert_eq!(there.stats().total.not_stored, 2);
    })
    .await;
}

#[tokio::test]
async fn a_skipped_field_counts_by_the_debug_of_its_type() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, there) = (Source::new(1), cache.peer().await);
        assert_eq!(by_text(&cache.manager, &source, 0.0).await, 1);
        source.set(2);
        assert_eq!(by_text(&there, &source, 0.5).await, 2);
        assert_eq!(by_text(&there, &source, -0.0).await, 1, "which is the same number");
    })
    .await;
}

#[tokio::test]
async fn arguments_that_serialise_alike_share_no_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let first = cache.spawn(left::by_hash(load(&source), left::Id::User(1)));
        hold.reached().await;
        source.set(2);
        assert_eq!(left::by_hash(load(&source), left::Id::Team(1)).await, 2);
        hold.release();
        assert_eq!(first.await.unwrap(), 1);
    })
    .await;
}

/// In one of several processes that share their loads.
#[tokio::test]
async fn a_debug_build_checks_hits_in_memory_as_well() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(right::by_hash(load(&source), right::Id::User(7)).await, 1);
        source.set(2);
        assert_eq!(right::by_hash(load(&source), right::Id::Team(7)).await, 2);
        source.set(3);
        assert_eq!(right::by_hash(load(&source), right::Id::Team(7)).await, 3, "it is not stored");
        assert_eq!(right::by_hash(load(&source), right::Id::User(7)).await, 1);
        assert_eq!(cache.manager.stats().total.not_stored, 2);
        cache.manager.flush_all().await;
    })
    .await;
}

#[tokio::test]
async fn what_takes_no_part_in_the_key_takes_none_in_the_fingerprint() {
    for release in [true, false] {
        on_stores(&Store::STRICT, async |_: TestCache| {
            let source = Source::new(1);
            for value in 1..3 {
                source.set(value);
                let found = if release {
                    let scale = if value == 1 { left::Id::User(1) } else { left::Id::Team(1) };
                    let skipping = left::skipping(load(&source), 1, scale).await;
                    (skipping, left::by_key(load(&source), &1, scale).await)
                } else {
                    let scale = if value == 1 { right::Id::User(1) } else { right::Id::Team(1) };
                    let skipping = right::skipping(load(&source), 1, scale).await;
                    (skipping, right::by_key(load(&source), &1, scale).await)
                };
                assert_eq!(found, (1, 1));
            }
        })
        .await;
    }
}

/// The limit of this: a type that has neither `Hash` nor `Debug`.
#[tokio::test]
async fn what_has_neither_hash_nor_debug_is_known_by_what_it_serialises_to() {
    on_stores(&Store::STRICT, async |_: TestCache| {
        let source = Source::new(1);
        assert_eq!(left::by_nothing(load(&source), left::Opaque::User(1)).await, 1);
        source.set(2);
        assert_eq!(left::by_nothing(load(&source), left::Opaque::Team(1)).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_value_put_directly_is_anybodys() {
    let settings = |config: CacheConfig| config;
    on_store(Store::Redis, settings, async |cache: TestCache| {
        use cache_runtime::CacheCall as _;
        let source = Source::new(1);
        let call = || left::by_hash(load(&source), left::Id::User(3));
        call().await;
        let name = call().cache_entry().name().unwrap();
        let ttl = std::time::Duration::from_secs(60);
        cache.manager.set(&name, &9_u64, ttl).await.unwrap();
        assert_eq!(left::by_hash(load(&source), left::Id::Team(3)).await, 9);
    })
    .await;
}
