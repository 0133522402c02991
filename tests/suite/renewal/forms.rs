//! The kinds of functions that may have the options.

use std::fmt::Debug;
use std::sync::Arc;

use cache_runtime::{CacheManager, cached};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::site::{Page, Site};
use super::{MINUTE, SECOND, renewals};
use crate::stores::{Store, TestCache, on_stores, until};

#[derive(Clone, Debug)]
struct Client {
    site: Site,
    cache: CacheManager,
}

impl Client {
    #[cached(
        ttl = "1m",
        keep = "1h",
        stale_while_revalidate = "10s",
        still_current = |old: &Page| self.site.is_unchanged(old.etag),
        previous = old,
        manager = &self.cache,
        key_prefix = "method",
        key = "{id}"
    )]
    async fn page(&self, id: u64, old: Option<Page>) -> Result<Page, String> {
        _ = old;
        self.site.page(id).await
    }
}

#[async_trait::async_trait]
trait Pages {
    async fn fetch(&self, id: u64) -> Result<Page, String>;
}

#[async_trait::async_trait]
impl Pages for Client {
    #[cached(
        ttl = "1m",
        keep = "1h",
        still_current = |old: &Page| self.site.is_unchanged(old.etag),
        previous = old,
        key_prefix = "boxed",
        key = "{id}"
    )]
    async fn fetch(&self, id: u64, old: Option<Page>) -> Result<Page, String> {
        let found = self.site.page(id).await?;
        assert_ne!(old.map(|old| old.etag), Some(found.etag));
        Ok(found)
    }
}

#[cached(
    ttl = "1m",
    keep = "1h",
    still_current = |old| site.is_unchanged(old.len() as u64),
    previous = old,
    key_prefix = "generic",
    key = "{id}"
)]
async fn generic<T>(site: &Site, id: u64, make: T, old: Option<Vec<T>>) -> Vec<T>
where
    T: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    _ = (id, old);
    let many = site.page(id).await.map_or(0, |page| page.etag as usize);
    vec![make; many]
}

#[cached(
    ttl = "1m",
    keep = "1h",
    detached = true,
    still_current = |old: &Page| { let site = Arc::clone(site); let etag = old.etag; async move { site.is_unchanged(etag).await } },
    previous = old,
    key_prefix = "detached_pages",
    key = "{id}"
)]
async fn detached(site: &Arc<Site>, id: u64, old: Option<Page>) -> Result<Page, String> {
    _ = old;
    site.page(id).await
}

#[cached(
    ttl = "1m",
    keep = "1h",
    coalesce = "fleet",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "fleet_pages",
    key = "{id}"
)]
async fn fleet(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

#[cached(ttl = "1m", keep = "1h", still_current = |old: &u64| *old == limit, previous = before, key = "{id}", key_prefix = "sync", entry_fn = at_once_entry)]
fn at_once(id: u64, limit: u64, before: Option<u64>) -> u64 {
    before.map_or(id, |before| before + 1)
}

#[cached(ttl = "1m", stale_while_revalidate = "1m", still_current = is_seven, key_prefix = "sync_behind")]
fn at_once_behind(id: u64) -> u64 {
    id + 1
}

fn is_seven(old: &u64) -> bool {
    *old == 7
}

#[cached(ttl = "1m", keep = "1h", still_current = panics, key_prefix = "panics", skip(site))]
async fn panicking(site: &Site) -> u64 {
    site.page(0).await.unwrap().etag
}

async fn panics(old: &u64) -> bool {
    panic!("about {old}")
}

#[cached(
    ttl = |page: &Page| SECOND * u32::try_from(page.etag).unwrap(),
    keep = "1h",
    tags_of = |page| [format!("etag:{}", page.etag)],
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "derived_page",
    key = "{id}"
)]
async fn derived(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

#[cached(
    ttl = "1m",
    early_refresh = 1.0,
    background = false,
    keep = "1h",
    tier = "memory",
    still_current = |old: &Page| site.is_unchanged(old.etag),
    key_prefix = "early_page",
    key = "{id}"
)]
async fn in_memory(site: &Site, id: u64) -> Result<Page, String> {
    site.page(id).await
}

#[tokio::test]
async fn a_method_and_its_manager() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let client = Client { site: Site::new(1), cache: cache.manager.clone() };
        client.page(7).await.unwrap();
        cache.clock.advance(MINUTE + 11 * SECOND);
        assert_eq!(client.page(7).await, Ok(Page::of(7, 1)));
        assert_eq!((client.site.pages(), renewals(&cache)), (1, (1, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_method_of_async_trait() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let client = Client { site: Site::new(1), cache: cache.manager.clone() };
        client.fetch(7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(client.fetch(7).await, Ok(Page::of(7, 1)));
        assert_eq!((client.site.pages(), renewals(&cache)), (1, (1, 0, 0)));
        client.site.set(2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(client.fetch(7).await, Ok(Page::of(7, 2)));
    })
    .await;
}

#[tokio::test]
async fn a_generic_function() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(2);
        assert_eq!(generic(&site, 1, 'a').await, ['a', 'a']);
        assert_eq!(generic(&site, 1, 5_u8).await, [5, 5]);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(generic(&site, 1, 'a').await, ['a', 'a']);
        assert_eq!(generic(&site, 1, 5_u8).await, [5, 5]);
        assert_eq!((site.pages(), renewals(&cache)), (2, (2, 0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_detached_load_goes_on_with_the_question() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Arc::new(Site::new(1));
        detached(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        let hold = site.hold_head();
        let caller = {
            let site = Arc::clone(&site);
            cache.spawn(async move { detached(&site, 7).await })
        };
        hold.reached().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        hold.release();
        until(async || renewals(&cache) == (1, 0, 0)).await;
        assert_eq!(detached(&site, 7).await, Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn processes_share_one_confirmation() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let site = Site::new(1);
        fleet(&site, 7).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        let hold = site.hold_head();
        let call = |manager: &CacheManager| {
            let site = site.clone();
            crate::stores::spawn_with(manager, async move { fleet(&site, 7).await })
        };
        let first = call(&cache.manager);
        hold.reached().await;
        let peer = cache.peer().await;
        let second = call(&peer);
        until(async || peer.stats().total.misses == 1).await;
        hold.release();
        assert_eq!(first.await.unwrap(), Ok(Page::of(7, 1)));
        assert_eq!(second.await.unwrap(), Ok(Page::of(7, 1)));
        assert_eq!((site.pages(), site.heads()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn functions_that_are_not_async() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        assert_eq!(at_once(1, 1), 1);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!((at_once(1, 1), renewals(&cache)), (1, (1, 0, 0)));
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!((at_once(1, 9), renewals(&cache)), (2, (1, 1, 0)));
        assert!(at_once_entry(1, 9).peek().unwrap().is_some());

        assert_eq!(at_once_behind(6), 7);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(at_once_behind(6), 7);
        until(async || renewals(&cache) == (2, 1, 0)).await;
    })
    .await;
}

// R3
#[tokio::test]
async fn a_question_that_panics_counts_as_a_change() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        assert_eq!(panicking(&site).await, 1);
        site.set(2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(panicking(&site).await, 2);
        assert_eq!(renewals(&cache), (0, 1, 0));
        assert_eq!(cache.manager.stats().total.load_errors, 0);
    })
    .await;
}

#[tokio::test]
async fn the_ttl_and_the_tags_are_made_of_the_renewed_value_again() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(10);
        derived(&site, 1).await.unwrap();
        cache.clock.advance(11 * SECOND);
        derived(&site, 1).await.unwrap();
        cache.clock.advance(9 * SECOND);
        derived(&site, 1).await.unwrap();
        assert_eq!((site.pages(), site.heads(), renewals(&cache)), (1, 1, (1, 0, 0)));
        site.set(20);
        cache.manager.invalidate_tag("etag:10").await.unwrap();
        assert_eq!(derived(&site, 1).await, Ok(Page::of(1, 20)));
    })
    .await;
}

#[tokio::test]
async fn a_function_of_memory_alone() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let site = Site::new(1);
        in_memory(&site, 1).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(in_memory(&site, 1).await, Ok(Page::of(1, 1)));
        assert_eq!((site.pages(), renewals(&cache)), (1, (1, 0, 0)));
    })
    .await;
}
