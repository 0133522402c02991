//! The time for which values are fresh.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, Error, SetOptions, Ttl, cached};
use cache_tests::Counter;

use crate::stores::{Store, TestCache, connect, on_each_store, on_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_value_is_fresh_for_its_ttl_and_no_longer() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let manager = &cache.manager;
        manager.set("a", &1_u8, MINUTE).await.unwrap();
        cache.clock.advance(MINUTE - SECOND);
        assert_eq!(manager.get("a").await.unwrap(), Some(1_u8));
        let Some(Ttl::For(left)) = manager.ttl("a").await.unwrap() else { panic!("it is there") };
        assert!(left <= SECOND && !left.is_zero(), "{left:?}");
        cache.clock.advance(SECOND);
        assert_eq!(manager.get::<u8>("a").await.unwrap(), None);
        assert_eq!(manager.ttl("a").await.unwrap(), None);
        assert!(!manager.exists("a").await.unwrap());
    })
    .await;
}

#[cached(ttl = "1m", skip(runs))]
async fn minutely(runs: &Counter) -> usize {
    runs.hit()
}

#[tokio::test]
async fn a_call_loads_again_when_its_ttl_is_over() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let runs = Counter::new();
        for round in 1..=3 {
            assert_eq!(minutely(&runs).await, round);
            cache.clock.advance(MINUTE - SECOND);
            assert_eq!(minutely(&runs).await, round, "a hit does not lengthen it");
            cache.clock.advance(SECOND);
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_of_an_outage_is_kept_for_the_outage_ttl_at_most() {
    let settings = |config: CacheConfig| config.outage_ttl(10 * SECOND);
    on_store(Store::Outage, settings, async |cache: TestCache| {
        let runs = Counter::new();
        assert_eq!(minutely(&runs).await, 1);
        cache.manager.set("a", &1_u8, SetOptions::forever()).await.unwrap();
        cache.clock.advance(9 * SECOND);
        assert_eq!(minutely(&runs).await, 1);
        assert_eq!(cache.manager.get("a").await.unwrap(), Some(1_u8));
        cache.clock.advance(SECOND);
        assert_eq!(minutely(&runs).await, 2);
        assert_eq!(cache.manager.get::<u8>("a").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn forever_is_until_it_is_invalidated() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let manager = &cache.manager;
        manager.set("a:b", &1_u8, SetOptions::forever()).await.unwrap();
        cache.clock.advance(99 * 365 * DAY);
        assert_eq!(manager.get("a:b").await.unwrap(), Some(1_u8));
        assert_eq!(manager.ttl("a:b").await.unwrap(), Some(Ttl::Forever));
        manager.invalidate_prefix("a").await.unwrap();
        assert_eq!(manager.get::<u8>("a:b").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn redis_ends_an_entry_by_itself_and_keeps_its_tokens_longer() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        cache.leaves_endless_keys();
        let life = |name: &str| cache.server().cli::<i64>(&["PTTL", &cache.redis_key(name)]);
        cache.manager.set("a:b", &1_u8, MINUTE).await.unwrap();
        assert!((50_000..=60_000).contains(&life("a:b")), "{}", life("a:b"));
        assert!(life("#t:a") > 80_000_000 && life("#root") > 80_000_000);
        cache.manager.set("a:b", &1_u8, 10 * DAY).await.unwrap();
        let twice = 20 * 86_400_000;
        assert!(life("#t:a") > twice - 60_000 && life("#root") > twice - 60_000);
        cache.manager.set("a:c", &1_u8, MINUTE).await.unwrap();
        assert!(life("#t:a") > twice - 60_000, "a shorter life takes nothing away");
        cache.manager.set("a:d", &1_u8, SetOptions::forever()).await.unwrap();
        assert_eq!((life("a:d"), life("#t:a"), life("#root")), (-1, -1, -1));
        cache.manager.set("a:e", &1_u8, MINUTE).await.unwrap();
        assert_eq!((life("#t:a"), life("#root")), (-1, -1));
    })
    .await;
}

#[tokio::test]
async fn a_ttl_that_is_none_is_an_error_directly() {
    on_each_store(async |cache: TestCache| {
        let manager = &cache.manager;
        for ttl in
            [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(999), Duration::MAX]
        {
            let set = manager.set("a", &1_u8, ttl).await;
            assert!(matches!(set, Err(Error::Duration { .. })), "{ttl:?}: {set:?}");
            // Whoever loads has the value, which is not stored.
            let loaded = manager.get_or_load("a", ttl, async || Ok::<_, Error>(1_u8)).await;
            assert!(matches!(loaded, Ok(1)), "{ttl:?}: {loaded:?}");
            assert_eq!(manager.get::<u8>("a").await.unwrap(), None, "{ttl:?}");
        }
        manager.set("a", &1_u8, Ttl::MAX).await.unwrap();
        assert!(manager.exists("a").await.unwrap());
        manager.set("a", &1_u8, Ttl::MIN).await.unwrap();
        cache.clock.advance(Ttl::MIN);
        assert!(!manager.exists("a").await.unwrap());
    })
    .await;
}

#[cached(ttl = Duration::ZERO, skip(runs))]
async fn for_no_time(runs: &Counter) -> usize {
    runs.hit()
}

#[cached(ttl = Duration::from_nanos(1), skip(runs))]
async fn for_a_nanosecond(runs: &Counter) -> usize {
    runs.hit()
}

#[cached(ttl = Duration::MAX, skip(runs))]
async fn for_longer_than_there_is(runs: &Counter) -> usize {
    runs.hit()
}

#[tokio::test]
async fn a_call_whose_ttl_is_none_is_not_cached() {
    on_each_store(async |_: TestCache| {
        let runs = [Counter::new(), Counter::new(), Counter::new()];
        for round in 1..=3 {
            assert_eq!(for_no_time(&runs[0]).await, round);
            assert_eq!(for_a_nanosecond(&runs[1]).await, round);
            assert_eq!(for_longer_than_there_is(&runs[2]).await, round);
        }
    })
    .await;
}

#[tokio::test]
async fn a_writer_whose_clock_runs_ahead_makes_nothing_that_lasts() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let (ahead, clock) = ahead(&cache, DAY).await;
        ahead.set("a", &1_u8, MINUTE).await.unwrap();
        assert_eq!(ahead.get("a").await.unwrap(), Some(1_u8));
        assert_eq!(cache.manager.get::<u8>("a").await.unwrap(), None);
        clock.advance(MINUTE);
        assert_eq!(ahead.get::<u8>("a").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_writer_whose_clock_is_a_little_ahead_is_read() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let (ahead, _) = ahead(&cache, SECOND / 2).await;
        ahead.set("a", &1_u8, MINUTE).await.unwrap();
        assert_eq!(cache.manager.get("a").await.unwrap(), Some(1_u8));
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(cache.manager.get::<u8>("a").await.unwrap(), None);
    })
    .await;
}

/// Each takes what the other has stored for something else than it is, and replaces it.
#[tokio::test]
async fn writers_a_day_apart_each_read_what_they_store() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let (ahead, clock) = ahead(&cache, DAY).await;
        let load = async |manager: &CacheManager, value: u8| {
            let load = async || Ok::<_, Error>(value);
            manager.get_or_load("a", MINUTE, load).await.unwrap()
        };
        for round in 0..3 {
            for (manager, value) in [(&cache.manager, 2 * round), (&ahead, 2 * round + 1)] {
                assert_eq!(load(manager, value).await, value, "the other's is none");
                assert_eq!(load(manager, 99).await, value, "its own is there");
                let Some(Ttl::For(left)) = manager.ttl("a").await.unwrap() else {
                    panic!("it has an end")
                };
                assert!(left > MINUTE - 10 * SECOND && left <= MINUTE, "{left:?}");
                let life = cache.server().cli::<i64>(&["PTTL", &cache.redis_key("a")]);
                assert!((50_000..=60_000).contains(&life), "{life}");
            }
        }
        // Nor does what one has stored last longer for it because the other one was there.
        clock.advance(MINUTE);
        assert_eq!(ahead.get::<u8>("a").await.unwrap(), None);
    })
    .await;
}

/// Returns a manager of the same namespace that takes it to be later than it is.
async fn ahead(cache: &TestCache, by: Duration) -> (CacheManager, Clock) {
    let clock = Clock::mock();
    clock.advance(by);
    (connect(cache.manager.config().clone(), &clock).await, clock)
}

#[cached(ttl = "100s", jitter = 0.5, skip(runs))]
async fn jittered(id: u32, runs: &Counter) -> u32 {
    runs.hit();
    id
}

#[tokio::test]
async fn the_ends_of_jittered_ttls_are_spread() {
    const KEYS: u32 = 10_000;
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let runs = Counter::new();
        for id in 0..KEYS {
            jittered(id, &runs).await;
        }
        cache.clock.advance(49 * SECOND);
        let mut reloads = Vec::new();
        for _ in 0..6 {
            let before = runs.count();
            for id in 0..KEYS {
                jittered(id, &runs).await;
            }
            reloads.push(runs.count() - before);
            cache.clock.advance(10 * SECOND);
        }
        assert_eq!(reloads[0], 0, "none before half its time");
        // Each tenth of the time ends about a fifth of the values.
        for tenth in &reloads[1..] {
            assert!((1_500..2_500).contains(tenth), "{reloads:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn time_goes_on_by_itself() {
    let manager = CacheManager::builder().build().unwrap();
    let short = Duration::from_millis(20);
    manager.set("a", &1_u8, short).await.unwrap();
    // Longer than the TTL and the grain of the clock.
    tokio::time::sleep(short * 3).await;
    assert_eq!(manager.get::<u8>("a").await.unwrap(), None);
}
