//! `still_current`, `previous` and `keep`: a load that has an old value at hand.

mod forms;
mod inherit;
mod overtaken;
mod previous;
mod site;

use std::time::Duration;

use cache_runtime::{CacheCall as _, cached};
use site::{Page, Site};

use crate::stores::{Store, TestCache, on_stores, until};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[cached(
    ttl = "1m",
    keep = "1h",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "kept",
    key = "{id}",
    tags = ["of:{id}"]
)]
async fn kept(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "behind",
    key = "{id}"
)]
async fn behind(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

#[cached(
    ttl = "1m",
    stale_if_error = "1h",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "instead",
    key = "{id}"
)]
async fn instead(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

/// Returns the confirmed, changed and refused values.
fn renewals(cache: &TestCache) -> (u64, u64, u64) {
    let total = cache.manager.stats().total;
    (total.revalidated, total.revalidation_changes, total.revalidations_refused)
}

#[tokio::test]
async fn a_confirmed_value_is_fresh_again_without_a_run_of_the_body() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        for round in 0..3 {
            assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
            assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
            assert_eq!((site.pages(), site.heads()), (1, round));
            cache.clock.advance(MINUTE + SECOND);
        }
        let total = cache.manager.stats().total;
        assert_eq!((total.loads, total.misses, total.stale_served), (1, 3, 0), "{total:?}");
        assert_eq!(renewals(&cache), (2, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_changed_value_is_loaded() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        site.set(2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 2)));
        assert_eq!((site.pages(), site.heads()), (2, 1));
        assert_eq!(renewals(&cache), (0, 1, 0));
        assert_eq!(cache.manager.stats().total.loads, 2);
    })
    .await;
}

#[tokio::test]
async fn a_kept_value_is_not_served() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(kept(&site, 7).cache_entry().peek().await.unwrap(), None);
        site.fail();
        assert_eq!(kept(&site, 7).await, Err("the site is down".to_owned()));
        // It is still there, and the source can confirm it later.
        site.recover();
        assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!(renewals(&cache), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn after_its_time_a_value_is_not_kept() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.clock.advance(61 * MINUTE);
        kept(&site, 7).await.unwrap();
        assert_eq!((site.pages(), site.heads()), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_background_refresh_asks_first() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        behind(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(behind(&site, 7).await, Ok(Page::of(7, 1)));
        until(async || renewals(&cache) == (1, 0, 0)).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        let fetched = behind(&site, 7).cache_entry().fetch().await.unwrap();
        assert!(!fetched.stale);
        assert_eq!((site.pages(), site.heads()), (1, 1));

        site.set(2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(behind(&site, 7).await, Ok(Page::of(7, 1)));
        until(async || behind(&site, 7).await == Ok(Page::of(7, 2))).await;
        assert_eq!((site.pages(), renewals(&cache)), (2, (1, 1, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_may_stand_in_for_an_error_is_confirmed_first() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        instead(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(instead(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), renewals(&cache)), (1, (1, 0, 0)));
        cache.clock.advance(MINUTE + SECOND);
        site.fail();
        assert_eq!(instead(&site, 7).await, Ok(Page::of(7, 1)));
        let total = cache.manager.stats().total;
        assert_eq!((total.stale_served, total.load_errors), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_value_whose_tag_was_invalidated_is_confirmed_in_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.manager.invalidate_tag("of:7").await.unwrap();
        assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 1));
        site.set(2);
        cache.manager.invalidate_tag("of:7").await.unwrap();
        assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 2)));
        assert_eq!((site.pages(), site.heads()), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_removed_value_is_not_at_hand() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        for (times, all) in [(1, false), (2, true)] {
            kept(&site, 7).await.unwrap();
            if all {
                cache.manager.flush_all().await;
            } else {
                kept(&site, 7).cache_entry().invalidate().await.unwrap();
            }
            assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
            assert_eq!((site.pages(), site.heads()), (times + 1, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn a_requested_refresh_runs_the_body() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        assert!(kept(&site, 7).cache_entry().refresh().await.unwrap().is_ok());
        assert_eq!((site.pages(), site.heads(), renewals(&cache)), (2, 0, (0, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_too_old_for_a_caller_is_confirmed() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.clock.advance(30 * SECOND);
        let young = kept(&site, 7).cache_entry().max_age(SECOND).fetch().await.unwrap();
        assert_eq!(young.value, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads(), renewals(&cache)), (1, 1, (1, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn callers_share_one_confirmation() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        let hold = site.hold_head();
        let call = || {
            let site = site.clone();
            cache.spawn(async move { kept(&site, 7).await })
        };
        let first = call();
        hold.reached().await;
        let others: Vec<_> = (0..20).map(|_| call()).collect();
        hold.release();
        for caller in others.into_iter().chain([first]) {
            assert_eq!(caller.await.unwrap(), Ok(Page::of(7, 1)));
        }
        assert_eq!((site.pages(), site.heads()), (1, 1));
    })
    .await;
}
