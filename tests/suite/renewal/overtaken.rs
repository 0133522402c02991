//! R1, R2: a renewal is stored under the conditions of every other load.

use std::sync::Arc;

use cache_runtime::cached;

use super::site::{Page, Site};
use super::{MINUTE, SECOND, kept, renewals};
use crate::stores::{Store, TestCache, on_stores};
use crate::video::Way;

#[cached(
    ttl = "1m",
    keep = "1h",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn meta(site: &Site, id: u64, team: &str) -> Result<Page, String> {
    _ = team;
    site.page(id).await
}

/// The source confirms the old value, then changes; the invalidation overtakes the renewal.
#[tokio::test]
async fn a_renewal_that_an_invalidation_overtook_is_not_kept() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        for way in Way::ALL {
            let site = Site::new(1);
            meta(&site, 7, "red").await.unwrap();
            cache.clock.advance(MINUTE + SECOND);
            let hold = site.hold_head();
            let caller = {
                let site = site.clone();
                cache.spawn(async move { meta(&site, 7, "red").await })
            };
            hold.reached().await;
            site.set(2);
            way.invalidate(&cache.manager).await;
            hold.release();
            // Its own caller gets what the source had confirmed.
            assert_eq!(caller.await.unwrap(), Ok(Page::of(7, 1)), "{way:?}");
            let refused = renewals(&cache).2;
            assert_eq!(meta(&site, 7, "red").await, Ok(Page::of(7, 2)), "{way:?}");
            assert_eq!(refused, 1 + renewals_before(way), "{way:?}");
            way.invalidate(&cache.manager).await;
            cache.manager.flush_all().await;
        }
    })
    .await;
}

fn renewals_before(way: Way) -> u64 {
    Way::ALL.iter().position(|other| *other == way).unwrap() as u64
}

/// A name that is removed while the source is asked takes the right to store with it.
#[tokio::test]
async fn a_dropped_confirmation_leaves_the_value_for_the_next_caller() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        kept(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        let hold = site.hold_head();
        let dropped = {
            let site = site.clone();
            cache.spawn(async move { kept(&site, 7).await })
        };
        hold.reached().await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        assert_eq!(kept(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 2));
        drop(hold);
    })
    .await;
}

/// Other processes see the new times of the entry.
#[tokio::test]
async fn another_process_gets_the_renewed_value_from_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let site = Arc::new(Site::new(1));
        kept(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        kept(&site, 7).await.unwrap();
        let peer = cache.peer().await;
        let page = cache_runtime::with(&peer, kept(&site, 7)).await;
        assert_eq!(page, Ok(Page::of(7, 1)));
        assert_eq!(peer.stats().total.redis_hits, 1);
        assert_eq!((site.pages(), site.heads()), (1, 1));
    })
    .await;
}
