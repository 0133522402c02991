//! Values that are stored come back unchanged; others are not stored.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Error, cached};
use cache_tests::Counter;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stores::{Store, TestCache, on_each_store, on_store, on_stores};

const TTL: Duration = Duration::from_secs(60);

#[cached(skip(runs))]
async fn none(runs: &Counter) -> Option<u8> {
    runs.hit();
    None
}

#[cached(skip(runs))]
async fn unit(runs: &Counter) {
    runs.hit();
}

#[cached(skip(runs))]
async fn empty(runs: &Counter) -> Vec<u8> {
    runs.hit();
    Vec::new()
}

#[cached(skip(runs))]
async fn nothing_of_a_kind(runs: &Counter) -> Result<Option<()>, String> {
    runs.hit();
    Ok(None)
}

#[tokio::test]
async fn values_that_hold_nothing_are_hits() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..3 {
            assert_eq!(none(&runs).await, None);
            unit(&runs).await;
            assert!(empty(&runs).await.is_empty());
            assert_eq!(nothing_of_a_kind(&runs).await, Ok(None));
        }
        assert_eq!(runs.count(), 4);
    })
    .await;
}

mod other {
    pub type Result<T, E = std::num::ParseIntError> = std::result::Result<T, E>;
}

type Parsed = other::Result<u8>;

#[cached(skip(runs))]
async fn plain(text: &str, runs: &Counter) -> Result<u8, std::num::ParseIntError> {
    runs.hit();
    text.parse()
}

#[cached(skip(runs))]
async fn behind_an_alias(text: &str, runs: &Counter) -> Parsed {
    runs.hit();
    text.parse()
}

#[cached(skip(runs))]
async fn behind_a_path(text: &str, runs: &Counter) -> other::Result<u8> {
    runs.hit();
    text.parse()
}

#[cached(skip(runs))]
async fn boxed(text: &str, runs: &Counter) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    runs.hit();
    let number = text.parse()?;
    if number == 0 {
        return Err("zero".into());
    }
    Ok(number)
}

#[tokio::test]
async fn errors_are_never_stored_and_values_are() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for round in 1..=3 {
            assert!(plain("x", &runs).await.is_err());
            assert!(behind_an_alias("x", &runs).await.is_err());
            assert!(behind_a_path("x", &runs).await.is_err());
            assert!(boxed("x", &runs).await.is_err());
            assert!(boxed("0", &runs).await.is_err());
            assert_eq!(runs.count(), 5 * round);
        }
        for _ in 0..3 {
            assert_eq!(plain("1", &runs).await, Ok(1));
            assert_eq!(behind_an_alias("1", &runs).await, Ok(1));
            assert_eq!(behind_a_path("1", &runs).await, Ok(1));
            assert_eq!(boxed("1", &runs).await.unwrap(), 1);
        }
        assert_eq!(runs.count(), 15 + 4);
    })
    .await;
}

#[cached(skip(runs))]
async fn early(number: u8, runs: &Counter) -> Option<String> {
    runs.hit();
    if number == 0 {
        return Some("early".to_owned());
    }
    let half = number.checked_sub(10)?;
    Some(half.to_string())
}

#[tokio::test]
async fn what_a_body_returns_early_is_stored_like_any_other() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..3 {
            assert_eq!(early(0, &runs).await.as_deref(), Some("early"));
            assert_eq!(early(1, &runs).await, None);
            assert_eq!(early(12, &runs).await.as_deref(), Some("2"));
        }
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[cached(skip(runs))]
async fn text_of(length: usize, runs: &Counter) -> String {
    runs.hit();
    "x".repeat(length)
}

#[tokio::test]
async fn a_value_over_the_limit_is_returned_counted_and_not_stored() {
    let limited = |config: CacheConfig| config.max_value_size(1_000);
    for store in Store::ALL {
        on_store(store, limited, async |cache: TestCache| {
            let runs = Counter::new();
            for round in 1..=2 {
                assert_eq!(text_of(2_000, &runs).await.len(), 2_000);
                assert_eq!(runs.count(), round);
                assert_eq!(cache.manager.stats().total.not_stored, round as u64);
            }
            for _ in 0..3 {
                assert_eq!(text_of(500, &runs).await.len(), 500);
            }
            assert_eq!(runs.count(), 3, "a value below it is stored");
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_over_the_limit_is_an_error_directly() {
    let limited = |config: CacheConfig| config.max_value_size(1_000);
    for store in Store::ALL {
        on_store(store, limited, async |cache: TestCache| {
            let set = cache.manager.set("a", &"x".repeat(2_000), TTL).await;
            assert!(matches!(set, Err(Error::ValueTooLarge { limit: 1_000, .. })), "{set:?}");
            assert_eq!(cache.manager.get::<String>("a").await.unwrap(), None);
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_that_is_refused_does_not_leave_the_one_before_it() {
    let limited = |config: CacheConfig| config.max_value_size(1_000);
    for store in Store::ALL {
        on_store(store, limited, async |cache: TestCache| {
            cache.manager.set("a", &"old".to_owned(), TTL).await.unwrap();
            cache.manager.set("a", &"x".repeat(2_000), TTL).await.unwrap_err();
            assert_eq!(cache.manager.get::<String>("a").await.unwrap(), None);
        })
        .await;
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    b: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Circle { radius: u32 },
    Square { side: u32 },
}

#[tokio::test]
async fn types_that_the_compact_codec_cannot_carry_are_stored_all_the_same() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        comes_back(&cache.manager, &peer, "value", json!({"a": [1, null, "x"], "b": {"c": 1.5}}))
            .await;
        comes_back(&cache.manager, &peer, "sparse", Sparse { a: None, b: Some(1) }).await;
        comes_back(&cache.manager, &peer, "number", Either::Number(1)).await;
        comes_back(&cache.manager, &peer, "text", Either::Text("1".into())).await;
        comes_back(&cache.manager, &peer, "tagged", Tagged::Circle { radius: 1 }).await;
        comes_back(&cache.manager, &peer, "tagged too", Tagged::Square { side: 1 }).await;
        let rest = BTreeMap::from([("x".to_owned(), json!(1)), ("y".to_owned(), json!([true]))]);
        comes_back(&cache.manager, &peer, "flat", Flat { id: 1, rest }).await;
    })
    .await;
}

/// Stores a value here and reads it there.
async fn comes_back<V>(here: &CacheManager, there: &CacheManager, name: &str, value: V)
where
    V: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    here.set(name, &value, TTL).await.unwrap();
    assert_eq!(there.get::<V>(name).await.unwrap(), Some(value), "{name}");
}

#[cached(skip(runs))]
async fn sparse(a: Option<u8>, b: Option<u8>, runs: &Counter) -> Sparse {
    runs.hit();
    Sparse { a, b }
}

#[tokio::test]
async fn a_value_that_shows_only_later_what_its_type_needs_is_cached_soon() {
    on_stores(&Store::WITH_REDIS, async |_: TestCache| {
        let runs = Counter::new();
        let full = Sparse { a: Some(1), b: Some(2) };
        assert_eq!(sparse(Some(1), Some(2), &runs).await, full);
        for b in [None, Some(0), Some(1), Some(2)] {
            for _ in 0..3 {
                assert_eq!(sparse(None, b, &runs).await, Sparse { a: None, b });
            }
            let before = runs.count();
            assert_eq!(sparse(None, b, &runs).await, Sparse { a: None, b });
            assert_eq!(runs.count(), before, "by now it is stored: {b:?}");
        }
        assert_eq!(sparse(Some(1), Some(2), &runs).await, full);
    })
    .await;
}

#[tokio::test]
async fn numbers_texts_and_bytes_come_back_exactly() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        let here = &cache.manager;
        comes_back(here, &peer, "u128", u128::MAX).await;
        comes_back(here, &peer, "i64", i64::MIN).await;
        comes_back(here, &peer, "f64", f64::MIN_POSITIVE).await;
        comes_back(here, &peer, "char", '\u{10ffff}').await;
        comes_back(here, &peer, "text", "a\0b\u{202e}".to_owned()).await;
        comes_back(here, &peer, "bytes", (0..=255).collect::<Vec<u8>>()).await;
        comes_back(here, &peer, "duration", Duration::MAX).await;
        comes_back(here, &peer, "tuple", ((), (1_u8,), [Some(None::<u8>), None])).await;
        comes_back(here, &peer, "map", BTreeMap::from([((1, 2), "x".to_owned())])).await;
    })
    .await;
}
