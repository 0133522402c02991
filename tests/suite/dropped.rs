//! Functions that change something and are dropped, as by clients that disconnect: what that costs the
//! others, and what it must not.

use std::fs;
use std::future::pending;
use std::time::Duration;

use cache_runtime::{SetOptions, cache_invalidate, cached};

use crate::scopes::poll_once;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

#[cached(key_prefix = "dropped", key = "{id}", tags = ["shelf:{id}"])]
async fn read(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(key_prefix = "beside", key = "{id}", tags = ["shelf:beside"])]
async fn beside(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_invalidate(prefix = "dropped:{id}")]
async fn change(id: u64) {
    _ = id;
    pending::<()>().await;
}

#[cache_invalidate(tags = ["shelf:{id}"])]
async fn change_shelf(id: u64) {
    _ = id;
    pending::<()>().await;
}

/// Begins a call and drops it. Its invalidation is pending then, for as long as this task does not
/// wait.
fn begin_and_drop(call: impl Future<Output = ()>) {
    let mut call = Box::pin(call);
    assert!(poll_once(call.as_mut()).is_pending());
}

#[tokio::test]
async fn reads_of_other_keys_go_on_in_redis_while_invalidations_are_pending() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        beside(&source, 1).await;
        for id in 0..100 {
            begin_and_drop(change(id));
            assert_ne!(cache.manager.stats().pending_invalidations, 0);
            // A name that this process has not requested yet: memory has no copy.
            cache.manager.set("written", &id, Duration::from_secs(60)).await.unwrap();
            begin_and_drop(change_shelf(id));
            beside(&source, 1).await;
            begin_and_drop(change(id));
            assert_eq!(cache.manager.get("written").await.unwrap(), Some(id));
        }
        assert_eq!(source.reads(), 1, "no call ran its body again");
        assert_eq!(cache.manager.stats().redis_errors, 0);
    })
    .await;
}

#[tokio::test]
async fn a_read_that_depends_on_a_pending_invalidation_sees_it_and_uses_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let peer = cache.peer().await;
        for (way, before) in (0..2).zip([1, 2]) {
            let source = Source::new(before);
            cache.manager.flush_all().await;
            assert_eq!(read(&source, 7).await, before);
            source.set(before + 10);
            match way {
                0 => begin_and_drop(change(7)),
                _ => begin_and_drop(change_shelf(7)),
            }
            assert_eq!(read(&source, 7).await, before + 10, "{way}");
            assert_eq!(source.reads(), 2, "{way}");
            let stored = peer.get::<u64>("dropped:7").await.unwrap();
            assert_eq!(stored, Some(before + 10), "it was stored in Redis, by way {way}");
        }
    })
    .await;
}

// R6: nor an entry with such a tag.
#[tokio::test]
async fn a_pending_tag_that_only_the_entry_names_is_seen() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let options = SetOptions::ttl(Duration::from_secs(60)).tag("shelf:7");
        let names = ["tagged", "plain"];
        for many in [false, true] {
            cache.manager.set("tagged", &1_u8, options.clone()).await.unwrap();
            cache.manager.set("plain", &1_u8, Duration::from_secs(60)).await.unwrap();
            assert_eq!(cache.manager.get::<u8>("tagged").await.unwrap(), Some(1));
            begin_and_drop(change_shelf(7));
            if many {
                let read = cache.manager.get_many::<u8>(&names).await.unwrap();
                assert_eq!(read, [None, Some(1)]);
            } else {
                assert_eq!(cache.manager.get::<u8>("tagged").await.unwrap(), None);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_pending_is_sent_without_a_health_check_and_without_a_read() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        for id in 0..1_000 {
            begin_and_drop(change(id));
        }
        while cache.manager.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(cache.manager.stats().redis_outages, 0);
    })
    .await;
}

#[tokio::test]
async fn invalidations_that_are_dropped_outside_of_tokio_share_one_thread() {
    on_each_store(async |test: TestCache| {
        let source = Source::new(1);
        read(&source, 1).await;
        source.set(2);
        let calls: Vec<_> = (0..3_000)
            .map(|id| {
                let mut call = Box::pin(change(id));
                assert!(poll_once(call.as_mut()).is_pending());
                call
            })
            .collect();
        std::thread::scope(|scope| _ = scope.spawn(|| drop(calls)));
        assert!(settling_threads() <= 1, "{}", settling_threads());
        assert_eq!(read(&source, 1).await, 2);
        // And once more when a write that was still under way has settled.
        let counted = test.manager.stats().invalidations;
        assert!(counted >= 3_000, "{counted}");
        while test.manager.stats().invalidations < 6_000 {
            assert!(settling_threads() <= 1, "{}", settling_threads());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The threads of this process that wait to invalidate once more.
fn settling_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm"));
    let names = tasks.filter_map(|task| name(task.ok()?).ok());
    names.filter(|name| name.trim_end() == "cache-settling").count()
}
