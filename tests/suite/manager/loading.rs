//! `get_or_load`: the value under a name, or that of a load.

use std::time::Duration;

use cache_runtime::{Error, SetOptions};
use tokio::task::yield_now;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

async fn load(source: &Source) -> Result<u64, Error> {
    Ok(source.read().await)
}

#[derive(Debug, PartialEq)]
enum Failure {
    Cache(String),
    Load(u64),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Cache(error.to_string())
    }
}

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
            manager.get_or_load("answer", MINUTE, async || Err(Failure::Load(1))).await;
        assert_eq!(failed, Err(Failure::Load(1)));
        assert!(!manager.exists("answer").await.unwrap());
        let loaded = manager.get_or_load("answer", MINUTE, async || Ok::<_, Failure>(2)).await;
        assert_eq!(loaded, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn a_bad_name_is_an_error_and_nothing_is_loaded() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let source = Source::new(1);
        let load = || async { Ok::<_, Failure>(source.read().await) };
        let refused = manager.get_or_load("#reserved", MINUTE, load).await;
        assert!(matches!(refused, Err(Failure::Cache(_))), "{refused:?}");
        let refused = manager.get_or_load("name", Duration::ZERO, load).await;
        assert!(matches!(refused, Err(Failure::Cache(_))), "{refused:?}");
        assert_eq!(source.reads(), 0);
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
