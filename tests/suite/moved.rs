//! An entry that another client has renamed or copied to another key is a miss there.

use std::time::Duration;

use cache_runtime::{EntryState, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, connect, on_stores};

const TTL: Duration = Duration::from_secs(60);

/// The commands with which another client moves a key.
const MOVES: [&[&str]; 2] = [&["RENAME"], &["COPY", "REPLACE"]];

#[cached(ttl = "1m", key_prefix = "moved", key = "{id}")]
async fn rendered(source: &Source, id: u64) -> u64 {
    source.read().await * 10 + id
}

#[cached(ttl = "1m", key_prefix = "moved", skip(source))]
async fn hashed(source: &Source, id: u64) -> u64 {
    source.read().await * 10 + id
}

fn move_key(cache: &TestCache, how: &[&str], from: &str, to: &str) {
    let (command, options) = how.split_first().unwrap();
    cache.server().cli::<redis::Value>(&[&[*command, from, to], options].concat());
}

async fn on_each_move(body: impl AsyncFn(&TestCache, &[&str])) {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        for how in MOVES {
            body(&cache, how).await;
            cache.manager.flush_all().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_functions_entry_under_another_name_is_a_miss() {
    on_each_move(async |cache, how| {
        let source = Source::new(1);
        assert_eq!(rendered(&source, 1).await, 11);
        let (from, to) = (cache.redis_key("moved:1"), cache.redis_key("moved:2"));
        move_key(cache, how, &from, &to);
        assert_eq!(rendered(&source, 2).await, 12, "{how:?}");
        assert_eq!(rendered(&source, 2).await, 12, "{how:?}");
        assert_eq!(source.reads(), 2, "what was moved is replaced: {how:?}");
    })
    .await;
}

#[tokio::test]
async fn the_entry_of_other_arguments_is_a_miss() {
    on_each_move(async |cache, how| {
        let source = Source::new(1);
        let name = async |id| {
            let call = hashed(&source, id);
            cache.redis_key(&cache_runtime::CacheCall::cache_entry(call).name().unwrap())
        };
        assert_eq!(hashed(&source, 1).await, 11);
        move_key(cache, how, &name(1).await, &name(2).await);
        assert_eq!(hashed(&source, 2).await, 12, "{how:?}");
    })
    .await;
}

#[tokio::test]
async fn a_value_stored_directly_is_a_miss_under_another_name() {
    on_each_move(async |cache, how| {
        let manager = &cache.manager;
        manager.set("moved:1", &1_u64, TTL).await.unwrap();
        move_key(cache, how, &cache.redis_key("moved:1"), &cache.redis_key("moved:2"));
        let found = manager.get_many::<u64>(&["moved:2", "moved:3"]).await.unwrap();
        assert_eq!(found, [None, None], "{how:?}");
        assert_eq!(manager.get::<u64>("moved:2").await.unwrap(), None, "{how:?}");
        assert_eq!(manager.ttl("moved:2").await.unwrap(), None, "{how:?}");
        let inspected = manager.inspect("moved:2").await.unwrap().unwrap();
        assert_eq!(inspected.state, EntryState::Unreadable, "{how:?}");
    })
    .await;
}

/// With the tokens that it depends on, as after the copy of a whole namespace.
#[tokio::test]
async fn an_entry_in_another_namespace_is_a_miss() {
    on_each_move(async |cache, how| {
        let other = cache_tests::unique_namespace();
        let config = cache.manager.config().clone().namespace(&other);
        let neighbour = connect(config, &cache.clock).await;
        cache.manager.set("moved:1", &1_u64, TTL).await.unwrap();
        for name in ["moved:1", "#root", "#t:moved"] {
            move_key(cache, how, &cache.redis_key(name), &format!("{other}:{name}"));
        }
        assert_eq!(neighbour.get::<u64>("moved:1").await.unwrap(), None, "{how:?}");
        neighbour.flush_all().await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_moved_back_is_itself_again() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        cache.manager.set("moved:1", &1_u64, TTL).await.unwrap();
        let (there, away) = (cache.redis_key("moved:1"), cache.redis_key("away"));
        move_key(&cache, &["RENAME"], &there, &away);
        assert_eq!(cache.manager.get::<u64>("moved:1").await.unwrap(), None);
        move_key(&cache, &["RENAME"], &away, &there);
        assert_eq!(cache.manager.get("moved:1").await.unwrap(), Some(1_u64));
    })
    .await;
}

/// The placeholder of a load is the right to store under its own name alone.
#[tokio::test]
async fn a_mark_under_another_name_brings_no_value_there() {
    for how in MOVES {
        on_stores(&[Store::Redis], async |cache: TestCache| {
            let source = Source::new(1);
            let hold = source.hold();
            let load = {
                let source = source.clone();
                cache.spawn(async move { rendered(&source, 1).await })
            };
            hold.reached().await;
            move_key(&cache, how, &cache.redis_key("moved:1"), &cache.redis_key("moved:2"));
            source.set(2);
            assert_eq!(rendered(&source, 2).await, 22, "{how:?}");
            hold.release();
            assert_eq!(load.await.unwrap(), 11, "{how:?}");
            assert_eq!(rendered(&source, 2).await, 22, "{how:?}");
            assert_eq!(source.reads(), 2, "{how:?}");
        })
        .await;
    }
}
