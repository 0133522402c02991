//! `previous`: the body gets the old value.

use cache_runtime::{CacheCall as _, cache_invalidate, cache_put, cached};

use super::site::{Page, Site};
use super::{MINUTE, SECOND, renewals};
use crate::stores::{Store, TestCache, on_stores, until};

/// The body asks the site itself, as with `If-None-Match`.
#[cached(ttl = "1m", keep = "1h", previous = old, key_prefix = "conditional", key = "{id}")]
async fn conditional(site: &Site, id: u64, old: Option<Page>) -> Result<Page, String> {
    match old {
        Some(old) if site.is_unchanged(old.etag).await => Ok(old),
        _ => site.page(id).await,
    }
}

/// Counts its loads in its value.
#[cached(ttl = "1m", stale_while_revalidate = "1m", previous = before, key_prefix = "counted", skip(site))]
async fn counted(site: &Site, mut before: Option<Vec<u64>>) -> Vec<u64> {
    let etag = site.page(0).await.unwrap().etag;
    let mut all = before.take().unwrap_or_default();
    all.push(etag);
    all
}

/// The value is an `Option`.
#[cached(
    ttl = "1m",
    keep = "1h",
    still_current = async |old: &Option<u64>| site.is_unchanged(old.unwrap_or(0)).await,
    previous = old,
    key_prefix = "optional",
    key = "{id}"
)]
async fn optional(site: &Site, id: u64, old: Option<Option<u64>>) -> Option<u64> {
    _ = (id, old);
    Some(site.page(0).await.unwrap().etag).filter(|etag| *etag > 0)
}

#[cached(ttl = "1m", negative_ttl = "1m", keep = "1h", previous = old, key_prefix = "absent", key = "{id}")]
async fn absent(site: &Site, id: u64, old: Option<Option<u64>>) -> Option<u64> {
    _ = id;
    assert_ne!(old, Some(None), "a `None` with a TTL of its own is not kept");
    Some(site.page(0).await.unwrap().etag).filter(|etag| *etag > 0)
}

/// Calls itself, by the arguments that all callers pass.
#[cached(ttl = "1m", keep = "1h", previous = old, key_prefix = "sum", key = "{upto}")]
async fn sum(upto: u64, old: Option<u64>) -> u64 {
    match (upto, old) {
        (_, Some(old)) => old,
        (0, None) => 0,
        (upto, None) => upto + Box::pin(sum(upto - 1)).await,
    }
}

#[cache_invalidate(entry = conditional(site, id))]
async fn change(site: &Site, id: u64, etag: u64) {
    _ = id;
    site.set(etag);
}

#[cache_put(entry = conditional(site, id))]
async fn replace(site: &Site, id: u64, etag: u64) -> Result<Page, String> {
    site.set(etag);
    Ok(Page::of(id, etag))
}

#[tokio::test]
async fn the_body_gets_the_old_value_and_callers_do_not_pass_it() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 0));
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 1));
        site.set(2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 2)));
        // A run of the body is a load, not a renewal.
        assert_eq!((cache.manager.stats().total.loads, renewals(&cache)), (3, (0, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn the_other_attributes_name_the_entry_by_the_public_arguments() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        conditional(&site, 7).await.unwrap();
        change(&site, 7, 2).await;
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 2)));
        assert_eq!((site.pages(), site.heads()), (2, 0));
        replace(&site, 7, 3).await.unwrap();
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 3)));
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(conditional(&site, 7).await, Ok(Page::of(7, 3)));
        assert_eq!((site.pages(), site.heads()), (2, 1));
        let name = conditional(&site, 7).cache_entry().name().unwrap();
        assert!(name.ends_with("conditional:7"), "{name}");
    })
    .await;
}

#[tokio::test]
async fn a_background_refresh_has_the_old_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        assert_eq!(counted(&site).await, [1]);
        cache.clock.advance(MINUTE + SECOND);
        site.set(2);
        assert_eq!(counted(&site).await, [1]);
        until(async || counted(&site).await == [1, 2]).await;
    })
    .await;
}

#[tokio::test]
async fn an_optional_value_is_offered_as_it_is() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(0);
        assert_eq!(optional(&site, 1).await, None);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(optional(&site, 1).await, None);
        assert_eq!((site.pages(), renewals(&cache)), (1, (1, 0, 0)));
        site.set(5);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(optional(&site, 1).await, Some(5));
        assert_eq!((site.pages(), renewals(&cache)), (2, (1, 1, 0)));
    })
    .await;
}

#[tokio::test]
async fn an_absence_with_a_ttl_of_its_own_is_not_kept() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(0);
        assert_eq!(absent(&site, 1).await, None);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(absent(&site, 1).await, None);
        assert_eq!(site.pages(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_function_may_call_itself() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        assert_eq!(sum(4).await, 10);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(sum(4).await, 10);
        assert_eq!(cache.manager.stats().total.loads, 6);
    })
    .await;
}
