//! `key_prefix`: what entries are called, and what they are invalidated by.

use cache_runtime::cached;

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

const TEAM: &str = "prefix_option:team";

#[cached(key = "{id}")]
async fn named_after_the_function(id: u64) -> u64 {
    id
}

#[cached(key_prefix = "prefix_option:literal", key = "{id}")]
async fn literal(source: &Source, id: u64) -> u64 {
    source.read().await + id
}

#[cached(prefix = TEAM, key = "{id}")]
async fn constant(source: &Source, id: u64) -> u64 {
    source.read().await + id
}

#[cached(key_prefix = "prefix_option:hashed", skip(source))]
async fn hashed(source: &Source, id: u64) -> u64 {
    source.read().await + id
}

#[tokio::test]
async fn the_prefix_begins_the_names_of_entries() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(10);
        named_after_the_function(1).await;
        literal(&source, 2).await;
        constant(&source, 3).await;
        let names =
            ["named_after_the_function:1", "prefix_option:literal:2", "prefix_option:team:3"];
        let values = cache.manager.get_many::<u64>(&names).await.unwrap();
        assert_eq!(values, [Some(1), Some(12), Some(13)]);
    })
    .await;
}

#[tokio::test]
async fn a_prefix_and_each_prefix_it_lies_in_invalidate() {
    on_each_store(async |cache: TestCache| {
        for (prefix, reloads) in [
            ("prefix_option", 3),
            ("prefix_option:literal", 1),
            ("prefix_option:literal:1", 1),
            ("prefix_option:hashed", 1),
            ("prefix_option:lit", 0),
            ("option", 0),
        ] {
            let source = Source::new(1);
            let call_all = async || {
                literal(&source, 1).await;
                constant(&source, 1).await;
                hashed(&source, 1).await;
            };
            call_all().await;
            let before = source.reads();
            cache.manager.invalidate_prefix(prefix).await.unwrap();
            call_all().await;
            assert_eq!(source.reads() - before, reloads, "{prefix}");
        }
    })
    .await;
}
