//! A value that serde or a codec does not carry whole: it comes back as it was, or not at all.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use cache_runtime::{
    CacheCall as _, CacheConfig, CacheManager, DefaultCodec, Diagnostic, Error, MessagePack,
    Severity, cached, with,
};
use cache_tests::Counter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log::Log;
use crate::stores::{Store, TestCache, connect, on_store, on_stores, until};

const TTL: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<u32>,
    quantity: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Post {
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitle: Option<String>,
    views: u64,
    title: String,
}

/// Returns the lines of the order of this number: of each line three bits.
fn lines(order: u32) -> Vec<Line> {
    let line =
        |bits: u32| Line { discount: (bits & 1 == 1).then_some(bits >> 2), quantity: bits >> 1 };
    (0..3).map(|i| line((order >> (3 * i)) & 7)).collect()
}

fn post(number: u64) -> Post {
    let subtitle = number.is_multiple_of(3).then(|| "sub".to_owned());
    let title = format!("A{}", "b".repeat(number as usize));
    Post { subtitle, views: number % 2, title }
}

#[cached(key_prefix = "order", key = "{id}")]
async fn order(id: u32, runs: &Counter) -> Vec<Line> {
    runs.hit();
    lines(id)
}

#[cached(key_prefix = "post", key = "{id}")]
async fn post_of(id: u64, runs: &Counter) -> Post {
    runs.hit();
    post(id)
}

#[tokio::test]
async fn a_skipped_field_does_not_turn_one_value_into_another() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        let (here, there) = (Counter::new(), Counter::new());
        // The first has all its fields, so that its codec seems to carry the type.
        for id in std::iter::once(0o777).chain(0..200) {
            assert_eq!(order(id, &here).await, lines(id));
            assert_eq!(with(&peer, order(id, &there)).await, lines(id), "order {id}");
        }
        for id in (0..100).rev() {
            assert_eq!(post_of(id, &here).await, post(id));
            assert_eq!(with(&peer, post_of(id, &there)).await, post(id), "post {id}");
        }
        assert_eq!(there.count(), 0, "all of them are stored, in a codec that carries them");
    })
    .await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    #[serde(skip)]
    password_hash: String,
}

fn user(id: u32) -> User {
    User { name: "ada".into(), password_hash: format!("hash {id}") }
}

#[cached(key_prefix = "skipped", key = "{id}")]
async fn user_of(id: u32, runs: &Counter) -> User {
    runs.hit();
    user(id)
}

/// Without a default: what was written cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unreadable {
    name: String,
    #[serde(skip_serializing)]
    secret: String,
}

#[cached(key_prefix = "unreadable", key = "{id}")]
async fn unreadable(id: u32, runs: &Counter) -> Unreadable {
    runs.hit();
    Unreadable { name: "ada".into(), secret: format!("secret {id}") }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Renamed {
    first_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
}

#[cached(key_prefix = "renamed", key = "{id}")]
async fn renamed(id: u32, runs: &Counter) -> Renamed {
    runs.hit();
    Renamed { first_name: format!("ada {id}"), last_name: None }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Dated {
    #[serde(deserialize_with = "with_slashes")]
    day: String,
}

fn with_slashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_date = text.contains('/');
    is_date.then_some(text).ok_or_else(|| serde::de::Error::custom("a date has slashes"))
}

#[cached(key_prefix = "dated", key = "{id}")]
async fn dated(id: u32, runs: &Counter) -> Dated {
    runs.hit();
    Dated { day: format!("2026-01-{id:02}") }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    User(u64),
    Org(u64),
}

#[cached(key_prefix = "untagged", key = "{id}")]
async fn owners(id: u64, runs: &Counter) -> Vec<Id> {
    runs.hit();
    vec![Id::User(id), Id::Org(id)]
}

/// Neither compared nor printed: what is lost shows when it is written again.
#[derive(Clone, Serialize, Deserialize)]
struct Rounded {
    #[serde(serialize_with = "in_tens", deserialize_with = "in_ones")]
    number: u32,
}

fn in_tens<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(number / 10)
}

fn in_ones<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::deserialize(deserializer)
}

#[cached(key_prefix = "rounded", key = "{id}")]
async fn rounded(id: u32, runs: &Counter) -> Rounded {
    runs.hit();
    Rounded { number: 1_000 + id }
}

/// Calls a function again and again here and in another process: it must give the same each time. Where
/// nothing can be stored, each call loads; where there is memory, one in each process does.
async fn is_not_in_redis<T: PartialEq + Debug>(
    cache: &TestCache,
    call: impl AsyncFn(u32, &Counter) -> T,
    expected: impl Fn(u32) -> T,
) {
    let peer = cache.peer().await;
    let loads = if cache.store.asks_redis_each_time() { 6 } else { 2 };
    // On a busy machine a lease may end, and memory with it. Then other arguments are tried.
    for first in [1, 3, 5] {
        let (here, there) = (Counter::new(), Counter::new());
        for _ in 0..3 {
            for id in first..first + 2 {
                assert_eq!(call(id, &here).await, expected(id));
                assert_eq!(with(&peer, call(id, &there)).await, expected(id));
            }
        }
        let counts = cache.manager.stats().total;
        assert_eq!(counts.lossy, here.count() as u64, "each is counted");
        assert_eq!((counts.stores, counts.not_stored, counts.decode_failures), (0, 0, 0));
        assert_eq!(peer.stats().total.redis_hits, 0);
        cache.manager.reset_stats();
        if (here.count(), there.count()) == (loads, loads) {
            return;
        }
    }
    panic!("in no attempt each process made {loads} loads");
}

// R5: a value is stored only if it decodes to itself.
#[tokio::test]
async fn a_value_that_does_not_survive_is_kept_in_memory_alone() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        is_not_in_redis(&cache, async |id, runs| user_of(id, runs).await, user).await;
        let expected = |id| Unreadable { name: "ada".into(), secret: format!("secret {id}") };
        is_not_in_redis(&cache, async |id, runs| unreadable(id, runs).await, expected).await;
        let expected = |id| Renamed { first_name: format!("ada {id}"), last_name: None };
        is_not_in_redis(&cache, async |id, runs| renamed(id, runs).await, expected).await;
        let expected = |id| Dated { day: format!("2026-01-{id:02}") };
        is_not_in_redis(&cache, async |id, runs| dated(id, runs).await, expected).await;
        let owners = async |id: u32, runs: &Counter| owners(id.into(), runs).await;
        let expected = |id: u32| vec![Id::User(id.into()), Id::Org(id.into())];
        is_not_in_redis(&cache, owners, expected).await;
        let rounded = async |id, runs: &Counter| rounded(id, runs).await.number;
        is_not_in_redis(&cache, rounded, |id| 1_000 + id).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_that_survives_is_stored_beside_others_of_its_type_that_do_not() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        let whole = User { name: "ada".into(), password_hash: String::new() };
        for (name, value) in [("a", Id::User(1)), ("b", Id::Org(1)), ("c", Id::User(2))] {
            let stored = cache.manager.set(name, &value, TTL).await;
            assert_eq!(stored.is_ok(), value != Id::Org(1), "{stored:?}");
            let read = peer.get::<Id>(name).await.unwrap();
            assert_eq!(read, stored.is_ok().then_some(value));
        }
        cache.manager.set("whole", &whole, TTL).await.unwrap();
        assert_eq!(peer.get("whole").await.unwrap(), Some(whole));
    })
    .await;
}

type Nested = Option<Option<String>>;

fn nested(id: u8) -> Nested {
    [None, Some(None), Some(Some("x".into()))][usize::from(id)].clone()
}

#[cached(key_prefix = "nested", key = "{id}")]
async fn as_configured(id: u8, runs: &Counter) -> Nested {
    runs.hit();
    nested(id)
}

#[cached(key_prefix = "nested_packed", key = "{id}", codec = MessagePack)]
async fn packed(id: u8, runs: &Counter) -> Nested {
    runs.hit();
    nested(id)
}

#[tokio::test]
async fn one_type_in_several_codecs_comes_back_from_each() {
    let codecs = [DefaultCodec::Bincode, DefaultCodec::MessagePack];
    for (first, second) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
        let with_codec = |config: CacheConfig| config.codec(codecs[first]);
        on_store(Store::Redis, with_codec, async |cache: TestCache| {
            let config = cache.manager.config().clone().codec(codecs[second]);
            let peer = connect(config, &cache.clock).await;
            let (here, there) = (Counter::new(), Counter::new());
            for id in [2, 1, 0, 1, 2, 0] {
                assert_eq!(as_configured(id, &here).await, nested(id));
                assert_eq!(with(&peer, as_configured(id, &there)).await, nested(id));
                assert_eq!(packed(id, &here).await, nested(id));
                assert_eq!(with(&peer, packed(id, &there)).await, nested(id));
                let load = async || Ok::<_, Error>(nested(id));
                let name = format!("direct:{id}");
                assert_eq!(cache.manager.get_or_load(&name, TTL, load).await.unwrap(), nested(id));
                assert_eq!(peer.get::<Nested>(&name).await.unwrap(), Some(nested(id)));
            }
            assert_eq!((here.count(), there.count()), (6, 0), "each is stored once");
        })
        .await;
    }
}

/// Returns the diagnostic of the values.
async fn values_diagnostic(manager: &CacheManager) -> Diagnostic {
    let diagnostics = manager.diagnose().await;
    diagnostics.into_iter().find(|diagnostic| diagnostic.name == "values").expect("Redis is there")
}

#[tokio::test]
async fn the_doctor_names_the_functions_whose_values_do_not_survive() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, runs) = (cache.peer().await, Counter::new());
        order(1, &runs).await;
        assert_eq!(values_diagnostic(&cache.manager).await.severity, Severity::Good);
        user_of(1, &runs).await;
        cache.manager.set("direct", &vec![Id::User(1)], TTL).await.unwrap();
        let unwritable: Option<Unwritable> = Some(Unwritable);
        cache.manager.set("direct", &unwritable, TTL).await.unwrap_err();

        let diagnostic = values_diagnostic(&cache.manager).await;
        assert_eq!(diagnostic.severity, Severity::Warning);
        for said in ["round_trip::user_of", "::User`", "bincode", "direct", "::Unwritable>`"] {
            assert!(diagnostic.found.contains(said), "{said}: {diagnostic:?}");
        }
        assert!(diagnostic.advice.is_some_and(|advice| advice.contains("assert_round_trip")));
        let text = serde_json::to_string(&cache.manager.diagnose().await).unwrap();
        assert!(text.contains(r#""name":"values","severity":"warning""#), "{text}");

        // This process has none of its own, and what the other has counted is known once it has reported.
        _ = cache.manager.disconnect().await;
        let diagnostic = values_diagnostic(&peer).await;
        assert_eq!(diagnostic.severity, Severity::Warning);
        assert!(diagnostic.found.contains("1 of suite::round_trip::user_of"), "{diagnostic:?}");
    })
    .await;
}

#[derive(Clone, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[tokio::test]
async fn a_function_whose_values_do_not_survive_is_one_error_in_the_log() {
    on_stores(&[Store::Redis, Store::Tiered], async |_: TestCache| {
        let (log, _guard) = Log::capture();
        let runs = Counter::new();
        for id in 0..4 {
            user_of(id, &runs).await;
            unreadable(id, &runs).await;
        }
        let errors = log.lines("ERROR");
        assert_eq!(errors.len(), 2, "{errors:#?}");
        for said in ["round_trip::user_of", "::User", "another value", "assert_round_trip", "tier"]
        {
            assert!(errors[0].contains(said), "{said}: {errors:?}");
        }
        assert!(errors[1].contains("missing field `secret`"), "{errors:?}");
        let text = log.text();
        assert!(!text.contains("hash 1") && !text.contains("secret 1"), "{text}");
        assert!(!text.contains("another one is used"), "no codec has taken over: {text}");
        let outcomes = log.spans("cache_load");
        assert!(outcomes.iter().all(|fields| fields.contains("outcome=\"lossy\"")), "{outcomes:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_put_and_does_not_survive_leaves_nothing_older() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, runs) = (cache.peer().await, Counter::new());
        let whole = User { name: "before".into(), password_hash: String::new() };
        with(&peer, async {
            user_of(7, &runs).cache_entry().put(whole.clone()).await.unwrap();
            assert_eq!(user_of(7, &runs).await, whole);
        })
        .await;
        let put = user_of(7, &runs).cache_entry().put(user(1)).await;
        assert!(matches!(put, Err(Error::Lossy { .. })), "{put:?}");
        assert_eq!(user_of(7, &runs).await, user(7));
        until(async || with(&peer, user_of(7, &runs)).await == user(7)).await;
        assert_eq!(cache.manager.stats().total.lossy, 2);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_does_not_survive_is_invalidated_like_any_other() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, here, there) = (cache.peer().await, Counter::new(), Counter::new());
        for round in 1..=3 {
            user_of(1, &here).await;
            with(&peer, user_of(1, &there)).await;
            let (before, heard) = (here.count() + 1, there.count() + 1);
            match round {
                1 => cache.manager.invalidate_prefix("skipped").await.unwrap(),
                2 => drop(cache.manager.delete("skipped:1").await.unwrap()),
                _ => drop(cache.manager.clear("skipped:*").await.unwrap()),
            }
            user_of(1, &here).await;
            assert_eq!(here.count(), before, "{round}");
            until(async || {
                with(&peer, user_of(1, &there)).await;
                there.count() >= heard
            })
            .await;
        }
    })
    .await;
}

/// Some 994,001 bytes of JSON: small numbers, which take one byte in one codec and eight in memory.
fn json_of(numbers: usize) -> serde_json::Value {
    serde_json::Value::Array(vec![7.into(); numbers])
}

#[tokio::test]
async fn the_size_limit_is_the_same_in_every_store_and_codec() {
    let sizes = RefCell::new(BTreeSet::new());
    for store in [Store::Memory, Store::Redis, Store::Tiered, Store::Outage] {
        for codec in [DefaultCodec::Bincode, DefaultCodec::MessagePack] {
            let limited = |config: CacheConfig| config.codec(codec).max_value_size(100_000);
            on_store(store, limited, async |cache: TestCache| {
                for (numbers, fits) in [(12_000, true), (13_000, false), (49_700, false)] {
                    let value = json_of(numbers);
                    let set = cache.manager.set("json", &value, TTL).await;
                    assert_eq!(set.is_ok(), fits, "{store:?} {codec:?} {numbers}: {set:?}");
                    let got = cache.manager.get::<serde_json::Value>("json").await.unwrap();
                    assert_eq!(got.is_some(), fits, "{store:?} {codec:?} {numbers}");
                    if let Err(Error::ValueTooLarge { size, .. }) = set {
                        sizes.borrow_mut().insert((numbers, size));
                    }
                }
            })
            .await;
        }
    }
    assert_eq!(sizes.borrow().len(), 2, "each value has one size: {sizes:?}");
}

#[tokio::test]
async fn a_value_over_the_limit_of_the_process_that_reads_is_a_miss() {
    let compressing = |config: CacheConfig| config.compress_above(1_000).max_value_size(64 << 20);
    on_store(Store::Redis, compressing, async |cache: TestCache| {
        let config = cache.manager.config().clone().compress_above(None);
        let small = connect(config.max_value_size(100_000), &cache.clock).await;
        let value = "x".repeat(8 << 20);
        cache.manager.set("large", &value, TTL).await.unwrap();
        let stored: u64 = cache.server().cli(&["STRLEN", &cache.redis_key("large")]);
        assert!(stored < 100_000, "compressed: {stored}");
        assert_eq!(small.get::<String>("large").await.unwrap(), None);
        assert_eq!(small.get_many::<String>(&["large"]).await.unwrap(), [None]);
        assert_eq!(small.stats().total.decode_failures, 2);
        let inspected = small.inspect("large").await.unwrap().unwrap();
        assert_eq!(inspected.payload, None, "nor is it decompressed to be shown");
        assert_eq!(cache.manager.get("large").await.unwrap(), Some(value));
    })
    .await;
}
