//! A renewed value of a function that inherits dependencies: its body did not run, so those of the old value count.

use cache_runtime::{CacheCall as _, cached};

use super::site::{Page, Site};
use super::{MINUTE, SECOND, renewals};
use crate::stores::{Store, TestCache, on_stores, until};

#[cached(ttl = "1h", key_prefix = "inner_page", key = "{id}", tags = ["inner:{id}"])]
async fn inner(site: &Site, id: u64) -> u64 {
    _ = (site, id);
    1
}

#[cached(
    ttl = "1m",
    keep = "1h",
    inherit,
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "outer_page",
    key = "{id}"
)]
async fn outer(site: &Site, id: u64) -> Result<Page, String> {
    inner(site, id).await;
    site.page(id).await
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    inherit,
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "outer_behind",
    key = "{id}"
)]
async fn behind(site: &Site, id: u64) -> Result<Page, String> {
    inner(site, id).await;
    site.page(id).await
}

#[cached(ttl = "1m", keep = "1h", inherit, previous = old, key_prefix = "outer_previous", key = "{id}")]
async fn with_previous(site: &Site, id: u64, old: Option<Page>) -> Result<Page, String> {
    match old {
        Some(old) => Ok(old),
        None => {
            inner(site, id).await;
            site.page(id).await
        }
    }
}

// R1
#[tokio::test]
async fn a_renewed_value_depends_on_what_the_old_one_depended_on() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        outer(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(outer(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), renewals(&cache)), (1, (1, 0, 0)));
        assert_eq!(outer(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 1));
        cache.manager.invalidate_tag("inner:7").await.unwrap();
        assert_eq!(outer(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_value_whose_inner_value_was_invalidated_is_not_renewed() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        outer(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        inner(&site, 7).cache_entry().invalidate().await.unwrap();
        assert_eq!(outer(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads(), renewals(&cache)), (2, 0, (0, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_background_refresh_renews_with_the_dependencies() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        behind(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(behind(&site, 7).await, Ok(Page::of(7, 1)));
        until(async || renewals(&cache) == (1, 0, 0)).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        cache.manager.invalidate_tag("inner:7").await.unwrap();
        assert_eq!(behind(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_returns_the_old_value_keeps_its_dependencies() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        with_previous(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(with_previous(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!(site.pages(), 1);
        site.set(2);
        cache.manager.invalidate_tag("inner:7").await.unwrap();
        assert_eq!(with_previous(&site, 7).await, Ok(Page::of(7, 2)));
    })
    .await;
}
