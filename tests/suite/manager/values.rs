//! `get`, `set`, `delete`, `exists`, `ttl`: one name at a time.

use std::time::Duration;

use cache_runtime::{SetOptions, Ttl};
use serde::{Deserialize, Serialize};

use crate::stores::{Store, TestCache, on_each_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
    scores: Vec<f64>,
}

fn ada() -> User {
    User { id: 1, name: Some("Ada".to_owned()), scores: vec![0.5, -1.0] }
}

#[tokio::test]
async fn a_value_that_was_set_is_got() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        assert_eq!(manager.get::<User>("user:1").await.unwrap(), None);
        manager.set("user:1", &ada(), MINUTE).await.unwrap();
        assert_eq!(manager.get("user:1").await.unwrap(), Some(ada()));
        let renamed = User { name: None, ..ada() };
        manager.set("user:1", &renamed, MINUTE).await.unwrap();
        assert_eq!(manager.get("user:1").await.unwrap(), Some(renamed));
        assert_eq!(manager.get::<User>("user:2").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_type_is_none() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        manager.set("number", &5_u64, MINUTE).await.unwrap();
        assert_eq!(manager.get::<String>("number").await.unwrap(), None);
        assert_eq!(manager.get::<u32>("number").await.unwrap(), None);
        assert_eq!(manager.get::<u64>("number").await.unwrap(), Some(5));
        assert!(manager.exists("number").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn delete_says_whether_a_value_was_there() {
    on_each_store(async |TestCache { manager, store, .. }: TestCache| {
        manager.set("a", &1, MINUTE).await.unwrap();
        manager.set("b", &2, MINUTE).await.unwrap();
        assert_eq!(manager.delete("a").await.unwrap(), Some(true));
        // In an outage it is not known what Redis holds.
        let absent = (store != Store::Outage).then_some(false);
        assert_eq!(manager.delete("a").await.unwrap(), absent);
        assert_eq!(manager.get::<i32>("a").await.unwrap(), None);
        assert_eq!(manager.get("b").await.unwrap(), Some(2));
    })
    .await;
}

#[tokio::test]
async fn exists_is_about_fresh_values() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let manager = &cache.manager;
        assert!(!manager.exists("a").await.unwrap());
        manager.set("a", &1, MINUTE).await.unwrap();
        assert!(manager.exists("a").await.unwrap());
        cache.clock.advance(MINUTE);
        assert!(!manager.exists("a").await.unwrap());
        assert_eq!(manager.get::<i32>("a").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn ttl_is_the_time_that_is_left() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let manager = &cache.manager;
        assert_eq!(manager.ttl("a").await.unwrap(), None);
        manager.set("a", &1, MINUTE).await.unwrap();
        manager.set("b", &1, SetOptions::forever()).await.unwrap();
        cache.clock.advance(Duration::from_secs(20));
        let left = manager.ttl("a").await.unwrap().and_then(Ttl::duration).unwrap();
        assert!(left <= Duration::from_secs(40), "{left:?}");
        assert!(left > Duration::from_secs(35), "{left:?}");
        assert_eq!(manager.ttl("b").await.unwrap(), Some(Ttl::Forever));
    })
    .await;
}

#[tokio::test]
async fn without_a_ttl_the_default_counts() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.manager.set("a", &1, SetOptions::default()).await.unwrap();
        let left = cache.manager.ttl("a").await.unwrap().and_then(Ttl::duration).unwrap();
        assert!(left > Duration::from_secs(290) && left <= Duration::from_secs(300), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn any_text_is_a_value_and_names_differ_by_every_character() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let names = ["a:b", "a%3Ab", "A:b", "ä:b", "a:*", "a:b:c", "*", "a"];
        for name in names {
            manager.set(name, &name.to_owned(), MINUTE).await.unwrap();
        }
        for name in names {
            assert_eq!(manager.get(name).await.unwrap(), Some(name.to_owned()));
        }
        for value in ["", "\0", "\"quoted\"", "\u{1f980}"] {
            manager.set("text", &value.to_owned(), MINUTE).await.unwrap();
            assert_eq!(manager.get("text").await.unwrap(), Some(value.to_owned()));
        }
    })
    .await;
}
