//! Types whose code panics while the cache runs it. The panic does not reach the caller, which has the output of
//! the body (R3).

use std::fmt;
use std::future::ready;
use std::hash::{Hash, Hasher};
use std::mem;
use std::time::Duration;

use cache_runtime::{CacheCall as _, Counts, cache_invalidate, cached};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::log::Log;
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

/// The part that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    Serialize,
    Deserialize,
    Clone,
    PartialEq,
    Debug,
    Hash,
    Display,
    Drop,
}

/// A value or an argument, a part of whose code panics.
#[derive(Eq)]
struct Brittle(Part, u64);

impl Brittle {
    fn at(&self, part: Part) {
        // Two panics at once end the process.
        if self.0 == part && !std::thread::panicking() {
            panic!("the {part:?} of a value");
        }
    }

    /// Returns the number, without dropping anything.
    fn number(self) -> u64 {
        let number = self.1;
        mem::forget(self);
        number
    }
}

impl Serialize for Brittle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.at(Part::Serialize);
        (self.0, self.1).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Brittle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (part, number) = Deserialize::deserialize(deserializer)?;
        let value = Brittle(part, number);
        value.at(Part::Deserialize);
        Ok(value)
    }
}

impl Clone for Brittle {
    fn clone(&self) -> Self {
        self.at(Part::Clone);
        Brittle(self.0, self.1)
    }
}

impl PartialEq for Brittle {
    fn eq(&self, other: &Self) -> bool {
        self.at(Part::PartialEq);
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Hash for Brittle {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.at(Part::Hash);
        self.1.hash(hasher);
    }
}

impl fmt::Debug for Brittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at(Part::Debug);
        f.write_str("Brittle")
    }
}

impl fmt::Display for Brittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at(Part::Display);
        self.1.fmt(f)
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        self.at(Part::Drop);
    }
}

/// The same with `Debug` alone: neither `PartialEq` nor `Hash`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Printed(Brittle);

#[cached(key_prefix = "panics", ttl = 60)]
async fn brittle(part: Part, number: u64) -> Brittle {
    yield_now().await;
    Brittle(part, number)
}

#[cached(key_prefix = "panics_printed")]
async fn printed(part: Part, number: u64) -> Printed {
    Printed(Brittle(part, number))
}

/// Three calls at the same time, and one afterwards: all of them have the output. Gives what was counted.
async fn calls_of_values(cache: &TestCache, part: Part) -> Counts {
    let (a, b, c) = tokio::join!(brittle(part, 1), brittle(part, 1), brittle(part, 1));
    assert_eq!([a, b, c].map(Brittle::number), [1; 3], "{part:?}");
    // With a `Clone` that panics a hit in memory would be the caller's own: nothing is there.
    assert_eq!(brittle(part, 1).await.number(), 1, "{part:?}");
    assert_eq!(brittle(part, 2).await.number(), 2, "{part:?}");
    cache.manager.stats().total
}

async fn is_not_stored(stores: &[Store], part: Part) {
    let (log, _guard) = Log::capture();
    on_stores(stores, async |cache: TestCache| {
        let counts = calls_of_values(&cache, part).await;
        let refused = counts.not_stored + counts.lossy;
        assert_eq!((counts.stores, counts.loads > 1), (0, true), "{part:?}: {counts:?}");
        assert!(refused > 1, "{part:?}: {counts:?}");
    })
    .await;
    let said: Vec<_> = log.lines("WARN").into_iter().chain(log.lines("ERROR")).collect();
    let said = said.iter().filter(|line| line.contains("panics::brittle")).count();
    assert_eq!(said, stores.len(), "{part:?}: once in each manager");
}

#[tokio::test]
async fn a_value_whose_serialize_panics_is_returned_and_not_stored() {
    is_not_stored(&Store::ALL, Part::Serialize).await;
}

#[tokio::test]
async fn a_value_whose_deserialize_panics_is_returned_and_not_stored_in_redis() {
    is_not_stored(&Store::STRICT, Part::Deserialize).await;
}

#[tokio::test]
async fn a_value_whose_equality_panics_is_returned_and_not_stored_in_redis() {
    is_not_stored(&Store::STRICT, Part::PartialEq).await;
}

#[tokio::test]
async fn a_value_whose_clone_panics_is_returned_and_not_stored_in_memory() {
    is_not_stored(&[Store::Memory], Part::Clone).await;
}

#[tokio::test]
async fn a_value_whose_clone_panics_is_returned_from_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let counts = calls_of_values(&cache, Part::Clone).await;
        assert_eq!(counts.not_stored + counts.lossy, 0, "{counts:?}");
        assert!(counts.redis_hits > 0, "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_value_whose_debug_panics_is_returned_and_not_stored_in_redis() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        for loads in 1..=2 {
            assert_eq!(printed(Part::Debug, 1).await.0.1, 1);
            let counts = cache.manager.stats().total;
            assert_eq!((counts.lossy, counts.loads), (loads, loads));
        }
    })
    .await;
}

/// The store of a new value drops the entry before it; the manager drops the rest at its end.
#[tokio::test]
async fn a_value_whose_drop_panics_fails_nobody_when_the_cache_drops_it() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..3 {
            assert_eq!(brittle(Part::Drop, 1).await.number(), 1);
            cache.clock.advance(Duration::from_secs(120));
        }
        calls_of_values(&cache, Part::Drop).await;
        cache.manager.flush_all().await;
        assert_eq!(brittle(Part::Drop, 1).await.number(), 1);
    })
    .await;
}

#[cached(key_prefix = "panics_dropped", key = "{number}", ttl = 60, stale_if_error = 600)]
async fn dropped(number: u64) -> Result<Brittle, String> {
    Ok(Brittle(Part::Drop, number))
}

/// A value that is found, and that this caller does not get, is dropped by the cache.
#[tokio::test]
async fn a_value_whose_drop_panics_fails_nobody_who_does_not_get_it() {
    on_each_store(async |cache: TestCache| {
        let manager = &cache.manager;
        assert_eq!(dropped(1).await.unwrap().number(), 1);
        cache.clock.advance(Duration::from_secs(10));
        // Too old for this caller.
        let young = Duration::from_secs(5);
        assert!(dropped(1).cache_entry().max_age(young).peek().await.unwrap().is_none());
        let fetched = dropped(1).cache_entry().max_age(young).fetch().await.unwrap();
        assert_eq!(fetched.value.unwrap().number(), 1);
        // Past its TTL: it would be served if the load failed.
        cache.clock.advance(Duration::from_secs(120));
        assert_eq!(dropped(1).await.unwrap().number(), 1);
        assert_eq!(manager.stats().total.loads, 3);
        // Of another type than requested.
        assert_eq!(manager.get::<String>("panics_dropped:1").await.unwrap(), None);
        // Replaced, and removed.
        let refreshed = dropped(1).cache_entry().refresh().await.unwrap();
        assert_eq!(refreshed.unwrap().number(), 1);
        let put = mem::ManuallyDrop::new(Brittle(Part::Drop, 1));
        manager.set("panics_dropped:1", &*put, Duration::from_secs(60)).await.unwrap();
        dropped(1).cache_entry().invalidate().await.unwrap();
        assert_eq!(dropped(1).await.unwrap().number(), 1);
        // Loaded in advance.
        let load = async |_| Ok::<_, ()>(Brittle(Part::Drop, 2));
        let warmed = manager.warm(["panics_dropped:2"], Duration::from_secs(60), 1, load).await;
        assert_eq!(warmed.unwrap().fresh, 1);
    })
    .await;
}

/// Near its end, any time that is left is too short for it.
#[cached(key_prefix = "panics_early", ttl = 60, early_refresh = 100.0)]
async fn early(number: u64) -> Brittle {
    sleep(Duration::from_millis(20)).await;
    Brittle(Part::Drop, number)
}

#[tokio::test]
async fn a_value_whose_drop_panics_fails_nobody_when_it_is_refreshed_early() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        assert_eq!(early(1).await.number(), 1);
        cache.clock.advance(Duration::from_secs(59));
        until(async || {
            assert_eq!(early(1).await.number(), 1);
            cache.manager.stats().total.refreshes > 0
        })
        .await;
    })
    .await;
}

#[cached(key_prefix = "panics_hashed")]
async fn of_hashed(argument: Brittle) -> u64 {
    argument.1
}

#[cached(key_prefix = "panics_debugged")]
async fn of_printed(argument: Printed) -> u64 {
    argument.0.1
}

#[cached(key_prefix = "panics_tagged", skip(value), tags = ["panics:{value}"])]
async fn of_tagged(value: Brittle) -> u64 {
    value.1
}

#[cached(key = "panics:{value}")]
async fn of_template(value: Brittle) -> u64 {
    value.1
}

/// Calls it twice: both times the body runs, and the call is not cached, which is said once.
async fn runs_uncached(stores: &[Store], said: &str, call: impl AsyncFn() -> u64) {
    let (log, _guard) = Log::capture();
    on_stores(stores, async |cache: TestCache| {
        for calls in 1..=2 {
            assert_eq!(call().await, 7, "{said}");
            assert_eq!(cache.manager.stats().total.not_stored, calls, "{said}");
        }
    })
    .await;
    let lines = log.lines("ERROR");
    assert_eq!(lines.len(), stores.len(), "{lines:#?}");
    assert!(lines.iter().all(|line| line.contains(said)), "{lines:#?}");
}

#[tokio::test]
async fn an_argument_whose_hash_panics_is_not_cached() {
    runs_uncached(&Store::ALL, "`Hash`", || of_hashed(Brittle(Part::Hash, 7))).await;
}

#[tokio::test]
async fn an_argument_whose_debug_panics_is_not_cached() {
    runs_uncached(&Store::ALL, "`Debug`", || of_printed(Printed(Brittle(Part::Debug, 7)))).await;
}

/// If memory is looked up first, the caller runs the code that makes the key.
#[tokio::test]
async fn an_argument_whose_serialize_panics_is_not_cached_in_redis() {
    runs_uncached(&Store::STRICT, "`Serialize`", || of_hashed(Brittle(Part::Serialize, 7))).await;
}

#[tokio::test]
async fn a_template_whose_display_panics_is_not_cached_in_redis() {
    runs_uncached(&Store::STRICT, "`Display`", || of_template(Brittle(Part::Display, 7))).await;
}

#[tokio::test]
async fn a_tag_whose_display_panics_is_not_cached() {
    runs_uncached(&Store::ALL, "in a tag", || of_tagged(Brittle(Part::Display, 7))).await;
}

#[cache_invalidate(tags = ["panics:{value}"])]
async fn invalidate(value: &Brittle) -> u64 {
    value.1
}

#[tokio::test]
async fn an_invalidation_whose_display_panics_invalidates_everything() {
    on_each_store(async |cache: TestCache| {
        cache.manager.set("panics_other", &1, Duration::from_secs(60)).await.unwrap();
        assert_eq!(invalidate(&Brittle(Part::Display, 7)).await, 7);
        assert_eq!(cache.manager.get::<i32>("panics_other").await.unwrap(), None);
    })
    .await;
}

fn panicking_weight(_: &String) -> usize {
    panic!("a weight")
}

#[cached(key_prefix = "panics_weight", weight = panicking_weight)]
async fn weighed(id: u64) -> String {
    ready(id.to_string()).await
}

#[tokio::test]
async fn a_value_whose_weight_panics_is_stored_as_heavy_as_it_is_estimated() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        for _ in 0..2 {
            assert_eq!(weighed(7).await, "7");
        }
        let counts = cache.manager.stats().total;
        assert_eq!((counts.loads, counts.hits(), counts.stores), (1, 1, 1), "{counts:?}");
    })
    .await;
    let said = log.lines("WARN");
    let said = said.iter().filter(|line| line.contains("`weight` panics")).count();
    assert!((1..=Store::ALL.len()).contains(&said), "{said}: at most once in each manager");
}
