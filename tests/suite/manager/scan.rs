//! Going through all names.

use std::collections::BTreeSet;
use std::time::Duration;

use cache_runtime::{CacheManager, SetOptions};

use crate::stores::{Store, TestCache, on_stores, own_server};

/// More than one page of them.
const MANY: u64 = 2_500;
const TTL: Duration = Duration::from_secs(60);

async fn fill(manager: &CacheManager) {
    let names: Vec<String> = (0..MANY).map(|id| format!("many:{id}")).collect();
    let values = names.iter().map(|name| (name, &1_u8));
    manager.set_many(values, TTL).await.unwrap();
    manager.set("other", &1, SetOptions::ttl(TTL).tag("a:tag")).await.unwrap();
}

/// Returns the names that are listed, and whether that is all.
async fn listed(manager: &CacheManager, pattern: &str) -> (BTreeSet<String>, bool) {
    let mut names = manager.names(pattern).unwrap();
    let mut all = BTreeSet::new();
    while let Some(page) = names.next().await {
        assert!(!names.is_complete() || names.next().await.is_none());
        all.extend(page);
    }
    (all, names.is_complete())
}

#[tokio::test]
async fn all_names_that_match_are_listed_and_nothing_else() {
    on_stores(&Store::INTENDED, async |TestCache { manager, store, .. }: TestCache| {
        fill(&manager).await;
        let (names, complete) = listed(&manager, "many:*").await;
        assert!(names.iter().all(|name| name.starts_with("many:")) && complete);
        assert_eq!(names.len() as u64, MANY, "{store:?}");
        // Neither tokens nor anything else that is no name.
        assert_eq!(listed(&manager, "*").await.0.len() as u64, MANY + 1);
        assert_eq!(listed(&manager, "nothing*").await, (BTreeSet::new(), true));
    })
    .await;
}

#[tokio::test]
async fn a_list_that_is_cut_short_says_so() {
    let cache = own_server(|config| config).await;
    fill(&cache.manager).await;
    let mut names = cache.manager.names("*").unwrap();
    assert!(names.next().await.is_some());
    cache.server().kill();
    while names.next().await.is_some() {}
    assert!(!names.is_complete());
}

#[tokio::test]
async fn who_clears_is_told_how_far_it_is() {
    on_stores(&Store::WITH_REDIS, async |TestCache { manager, store, .. }: TestCache| {
        fill(&manager).await;
        let mut told = Vec::new();
        let removed = manager.clear_with("many:*", |progress| told.push(progress)).await.unwrap();
        assert_eq!(removed, MANY);
        assert!(told.len() > 2, "{told:?}");
        assert!(told.is_sorted_by(|a, b| a.part <= b.part && a.removed <= b.removed), "{told:?}");
        let mut parts: Vec<_> = told.iter().map(|progress| progress.part).collect();
        parts.dedup();
        // In a cluster it is known how many of the masters are done.
        let is_one_server = Store::ONE_SERVER.contains(&store);
        assert!(
            if is_one_server { parts.len() == told.len() } else { parts.len() > 2 },
            "{told:?}"
        );
        let last = told.last().unwrap();
        assert_eq!((last.removed, last.part), (MANY, 1.0));
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_that_is_no_text_is_left_alone() {
    let cache = own_server(|config| config).await;
    fill(&cache.manager).await;
    let key = [cache.redis_key("many:").as_bytes(), b"\xff"].concat();
    let mut connection = cache.server().connect().unwrap();
    redis::cmd("SET").arg(&key).arg("foreign").exec(&mut connection).unwrap();
    assert_eq!(listed(&cache.manager, "many:*").await.0.len() as u64, MANY);
    assert_eq!(cache.manager.clear("many:*").await.unwrap(), MANY);
    let left: u8 = redis::cmd("EXISTS").arg(&key).query(&mut connection).unwrap();
    assert_eq!(left, 1);
}
