//! Arguments that cannot be used are errors that say what was given and why it is refused.

use std::fmt::Debug;
use std::time::Duration;

use cache_runtime::{CacheManager, Error, SetOptions, Ttl};
use serde::{Deserialize, Serialize, Serializer};

use crate::stores::{Store, TestCache, on_each_store, on_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

fn is_about<T: Debug>(what: &str, given: &str, result: Result<T, Error>) {
    match result {
        Err(Error::Name { what: found, given: text, reason }) => {
            assert_eq!((found, &*text), (what, given));
            assert!(!reason.is_empty());
        }
        other => panic!("{what} {given:?} gives {other:?}"),
    }
}

#[tokio::test]
async fn a_bad_name_is_refused_by_every_method_that_takes_one() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for name in ["", "#root", "a\nb"] {
            is_about("name", name, manager.get::<u8>(name).await);
            is_about("name", name, manager.set(name, &1_u8, MINUTE).await);
            is_about("name", name, manager.delete(name).await);
            is_about("name", name, manager.exists(name).await);
            is_about("name", name, manager.ttl(name).await);
            is_about("name", name, manager.get_many::<u8>(&["fine", name]).await);
            is_about("name", name, manager.set_many([("fine", &1_u8), (name, &2)], MINUTE).await);
            let load = async |_: String| Ok::<u8, ()>(1);
            is_about("name", name, manager.warm([name], MINUTE, 1, load).await);
        }
        assert!(!manager.exists("fine").await.unwrap(), "nothing has been stored");
    })
    .await;
}

#[tokio::test]
async fn a_bad_prefix_tag_or_pattern_is_refused() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for prefix in ["", "#", "a:", "a:b:c:d:e:f:g"] {
            is_about("prefix", prefix, manager.invalidate_prefix(prefix).await);
        }
        is_about("tag", "", manager.invalidate_tag("").await);
        is_about("tag", "", manager.set("a", &1, SetOptions::ttl(MINUTE).tag("")).await);
        is_about("pattern", "", manager.clear("").await);
        assert_eq!(manager.stats().invalidations, 0);
    })
    .await;
}

#[tokio::test]
async fn a_ttl_without_meaning_is_refused() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for ttl in [Duration::ZERO, Duration::from_micros(999)] {
            let refused = manager.set("a", &1, Ttl::For(ttl)).await;
            assert!(matches!(refused, Err(Error::Duration { option: "ttl", .. })), "{refused:?}");
        }
        assert!(!manager.exists("a").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused() {
    for store in Store::ALL {
        on_store(
            store,
            |config| config.max_value_size(1_000),
            async |cache: TestCache| {
                let manager = &cache.manager;
                manager.set("a", &vec![7_u8; 500], MINUTE).await.unwrap();
                let refused = manager.set("a", &vec![7_u8; 2_000], MINUTE).await.unwrap_err();
                let Error::ValueTooLarge { name, size, limit } = &refused else {
                    panic!("{refused:?}");
                };
                assert_eq!((&**name, *limit), ("a", 1_000));
                assert!(*size >= 2_000);
                assert!(refused.to_string().contains("CACHE_MAX_VALUE_SIZE"), "{refused}");
            },
        )
        .await;
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_encoded_is_refused_where_it_is_to_be() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let refused = cache.manager.set("a", &Unwritable, MINUTE).await.unwrap_err();
        assert!(matches!(refused, Error::Encode { .. }), "{refused:?}");
        assert!(format!("{refused:#}").ends_with("not today"), "{refused:#}");
    })
    .await;
}

#[test]
fn a_configuration_that_cannot_be_used_makes_no_manager() {
    let config = cache_runtime::CacheConfig::default().namespace("a:b");
    let error = CacheManager::builder().config(config).build().unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    assert!(error.to_string().contains("\"a:b\""), "{error}");
}
