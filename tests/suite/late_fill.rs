//! A load reads old data, the data change, an invalidation follows, and the load ends: only its own caller gets the
//! value (R2).

use cache_runtime::Error;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};
use crate::video::{Load, Way, call, video};

// R1, R2: tokens and placeholder are from before the body.
#[tokio::test]
async fn a_load_that_an_invalidation_overtook_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            let load = Load::begin(&cache.manager, &source).await;
            source.set(2);
            way.invalidate(&cache.manager).await;
            assert_eq!(load.end().await, 1);
            assert_eq!(video(&source).await, 2, "{way:?}");
            assert_eq!(video(&source).await, 2, "{way:?}");
            assert_eq!(source.reads(), 2, "{way:?}: the second load's value is kept");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_nothing_overtook_is_kept() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let load = Load::begin(&cache.manager, &source).await;
        source.set(2);
        assert_eq!(load.end().await, 1);
        assert_eq!(video(&source).await, 1);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_caller_after_the_invalidation_does_not_wait_for_the_older_load() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            let older = Load::begin(&cache.manager, &source).await;
            source.set(2);
            way.invalidate(&cache.manager).await;
            assert_eq!(video(&source).await, 2, "{way:?}");
            assert_eq!(older.end().await, 1);
            assert_eq!(video(&source).await, 2, "{way:?}: the younger load's value stays");
            assert_eq!(source.reads(), 2, "{way:?}: the younger load's value stays");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_before_the_invalidation_shares_the_load_it_joined() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let load = Load::begin(&cache.manager, &source).await;
        let joined = call(&cache.manager, &source);
        tokio::task::yield_now().await;
        assert_eq!(load.end().await, 1);
        assert_eq!(joined.await.unwrap(), 1);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

// R1: the tokens in Redis tell of other processes.
#[tokio::test]
async fn an_invalidation_elsewhere_overtakes_a_load_here() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            let load = Load::begin(&cache.manager, &source).await;
            source.set(2);
            way.invalidate(&peer).await;
            assert_eq!(load.end().await, 1);
            assert_eq!(video(&source).await, 2, "{way:?}");
            assert_eq!(source.reads(), 2, "{way:?}");
            way.invalidate(&peer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_after_an_invalidation_elsewhere_does_not_get_the_older_loads_value() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            let older = Load::begin(&cache.manager, &source).await;
            source.set(2);
            way.invalidate(&peer).await;
            let late = call(&cache.manager, &source);
            tokio::task::yield_now().await;
            assert_eq!(older.end().await, 1);
            assert_eq!(late.await.unwrap(), 2, "{way:?}");
            way.invalidate(&peer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_younger_load_elsewhere_outlives_the_older_one_here() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            let older = Load::begin(&cache.manager, &source).await;
            source.set(2);
            way.invalidate(&peer).await;
            assert_eq!(call(&peer, &source).await.unwrap(), 2);
            assert_eq!(older.end().await, 1);
            assert_eq!(video(&source).await, 2, "{way:?}");
            assert_eq!(source.reads(), 2, "{way:?}: the younger load's value stays");
            way.invalidate(&peer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_fill_between_two_invalidations_is_gone_after_the_second() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            let (first, second) = (Load::begin(&cache.manager, &source).await, Source::new(2));
            way.invalidate(&cache.manager).await;
            let between = Load::begin(&cache.manager, &second).await;
            second.set(3);
            way.invalidate(&cache.manager).await;
            assert_eq!((between.end().await, first.end().await), (2, 1));
            assert_eq!(video(&second).await, 3, "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn invalidators_at_once_leave_no_fill_from_between_them() {
    const ROUNDS: u64 = 200;
    on_each_store(async |cache: TestCache| {
        let peer = match cache.store.asks_redis_each_time() {
            true => cache.peer().await,
            false => cache.manager.clone(),
        };
        let source = Source::new(0);
        for round in 1..=ROUNDS {
            let fill = call(&cache.manager, &source);
            source.set(round);
            let way = Way::ALL[round as usize % Way::ALL.len()];
            let (_, _, filled) =
                tokio::join!(way.invalidate(&cache.manager), way.invalidate(&peer), fill);
            assert!(filled.unwrap() <= round);
            assert_eq!(video(&source).await, round, "{way:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_direct_load_is_overtaken_alike() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let load = || async { Ok::<_, Error>(source.read().await) };
        let direct =
            || cache.manager.get_or_load("user:1:name", std::time::Duration::from_secs(60), load);
        let hold = source.hold();
        let overtake = async {
            hold.reached().await;
            source.set(2);
            cache.manager.invalidate_prefix("user").await.unwrap();
            hold.release();
        };
        let (older, ()) = tokio::join!(direct(), overtake);
        assert_eq!(older.unwrap(), 1);
        assert_eq!(direct().await.unwrap(), 2);
        assert_eq!(source.reads(), 2);
    })
    .await;
}
