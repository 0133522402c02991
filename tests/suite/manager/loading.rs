//! `get_or_load`: the value under a name, or that of a load.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_runtime::{CacheManager, Error, SetOptions};
use tokio::task::yield_now;

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

async fn load(source: &Source) -> Result<u64, Error> {
    Ok(source.read().await)
}

/// An error that nothing else can be made into.
#[derive(Debug, PartialEq)]
struct Failure(u64);

#[tokio::test]
async fn the_first_call_loads_and_the_next_ones_do_not() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let source = Source::new(1);
        let call = async || manager.get_or_load("answer", MINUTE, || load(&source)).await;
        assert_eq!(call().await.unwrap(), 1);
        source.set(2);
        assert_eq!(call().await.unwrap(), 1);
        assert_eq!(manager.get("answer").await.unwrap(), Some(1_u64));
        manager.delete("answer").await.unwrap();
        assert_eq!(call().await.unwrap(), 2);
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_is_stored_though_a_pattern_is_cleared_meanwhile_that_does_not_match_it() {
    on_stores(&Store::INTENDED, async |TestCache { manager, .. }: TestCache| {
        for (pattern, stored) in [("other:*", Some(1_u64)), ("ans*", None)] {
            manager.flush_all().await;
            let source = Source::new(1);
            let load = async || {
                manager.clear(pattern).await?;
                load(&source).await
            };
            assert_eq!(manager.get_or_load("answer", MINUTE, load).await.unwrap(), 1);
            assert_eq!(manager.get("answer").await.unwrap(), stored, "{pattern}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_failed_load_is_returned_and_not_stored() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let failed: Result<u64, _> =
            manager.get_or_load("answer", MINUTE, async || Err(Failure(1))).await;
        assert_eq!(failed, Err(Failure(1)));
        assert!(!manager.exists("answer").await.unwrap());
        let loaded = manager.get_or_load("answer", MINUTE, async || Ok::<_, Failure>(2)).await;
        assert_eq!(loaded, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn with_a_bad_name_or_ttl_each_call_loads_and_the_log_says_so_once_for_each_reason() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let (log, _capture) = Log::capture();
        let source = Source::new(1);
        let load = || async { Ok::<_, Failure>(source.read().await) };
        for _ in 0..2 {
            assert_eq!(manager.get_or_load("#reserved", MINUTE, load).await, Ok(1));
            assert_eq!(manager.get_or_load("name", Duration::ZERO, load).await, Ok(1));
        }
        assert_eq!(source.reads(), 4);
        assert!(!manager.exists("name").await.unwrap());
        let lines = log.lines("ERROR");
        let [name, ttl] = &lines[..] else { panic!("{lines:#?}") };
        assert!(name.contains("#reserved") && ttl.contains("ttl"), "{lines:#?}");
    })
    .await;
}

/// Runs ten callers of one name whose loads fail, and which all wait for the first. Returns the number of loads.
async fn failing<E, F>(cache: &TestCache, load: impl Fn(CacheManager, Source) -> F) -> usize
where
    E: Send + 'static,
    F: Future<Output = Result<u64, E>> + Send + 'static,
{
    let source = Source::new(1);
    let hold = source.hold();
    let calls: Vec<_> =
        (0..10).map(|_| cache.spawn(load(cache.manager.clone(), source.clone()))).collect();
    hold.reached().await;
    // By then all of them have joined.
    for _ in 0..100 {
        yield_now().await;
    }
    hold.release();
    for call in calls {
        assert!(in_time(call).await.unwrap().is_err());
    }
    source.reads()
}

#[tokio::test]
async fn an_error_of_any_type_is_the_callers_or_in_an_arc_and_a_clone_is_shared() {
    on_each_store(async |cache: TestCache| {
        let alone = failing(&cache, |manager, source| async move {
            let load = || async { Err::<u64, _>(Failure(source.read().await)) };
            manager.get_or_load("alone", MINUTE, load).await
        });
        assert_eq!(alone.await, 10, "each caller has run its own load");
        let shared = failing(&cache, |manager, source| async move {
            let load = || async { Err::<u64, _>(source.read().await.to_string()) };
            manager.get_or_load_shared("shared", MINUTE, load).await
        });
        assert_eq!(shared.await, 1);
        let errors = Arc::new(Mutex::new(Vec::new()));
        let in_an_arc = failing(&cache, |manager, source| {
            let errors = Arc::clone(&errors);
            async move {
                let load = || async { Err::<u64, _>(Failure(source.read().await)) };
                let output = manager.get_or_load_arc("arc", MINUTE, load).await;
                errors.lock().unwrap().extend(output.clone().err());
                output
            }
        });
        assert_eq!(in_an_arc.await, 1);
        let errors = errors.lock().unwrap();
        assert_eq!((errors.len(), &*errors[0]), (10, &Failure(1)));
        assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])), "one error");
    })
    .await;
}

#[tokio::test]
async fn concurrent_callers_share_one_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let call = || {
            let (manager, source) = (cache.manager.clone(), source.clone());
            tokio::spawn(
                async move { manager.get_or_load("answer", MINUTE, || load(&source)).await },
            )
        };
        let leader = call();
        hold.reached().await;
        let waiters: Vec<_> = (0..100).map(|_| call()).collect();
        yield_now().await;
        hold.release();
        assert_eq!(leader.await.unwrap().unwrap(), 1);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap(), 1);
        }
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_loaded_has_the_tags_it_was_given() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let source = Source::new(1);
        let options = || SetOptions::ttl(MINUTE).tag("team:7").tag("plan:pro");
        for tag in ["team:7", "plan:pro"] {
            let call = async || manager.get_or_load("member:1", options(), || load(&source)).await;
            call().await.unwrap();
            let before = source.reads();
            manager.invalidate_tag("team:8").await.unwrap();
            call().await.unwrap();
            assert_eq!(source.reads(), before);
            manager.invalidate_tag(tag).await.unwrap();
            call().await.unwrap();
            assert_eq!(source.reads(), before + 1);
        }
    })
    .await;
}
