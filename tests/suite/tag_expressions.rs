//! Tags that are expressions, and templates with optional values.

use std::fmt::Display;
use std::time::Duration;

use cache_runtime::{cache_invalidate, cached};

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

const ALL: &str = "tag_expressions";

#[derive(Clone)]
struct Team {
    id: u64,
    shelf: Option<String>,
}

impl Team {
    fn tag(&self) -> String {
        assert!(self.id != 13, "a tag");
        format!("team:{}", self.id)
    }
}

fn of(id: u64) -> Team {
    Team { id, shelf: None }
}

#[cached(ttl = 60, key = "{team.id}", tags = [ALL, team.tag(), format_args!("t-{}", team.id)])]
async fn by_team(source: &Source, team: &Team) -> u64 {
    source.read().await + team.id
}

#[cache_invalidate(tags = [team.tag()])]
async fn change_team(team: Team) {
    drop(team);
}

#[cache_invalidate(tags = [ALL])]
async fn change_all() {}

#[cached(ttl = 60, key = "{id}", tags = ["shelf:{shelf?}", "{team.shelf?}-of-{shelf?}"])]
async fn on_shelf(source: &Source, id: u64, shelf: Option<u64>, team: &Team) -> u64 {
    _ = (shelf, team);
    source.read().await + id
}

#[cache_invalidate(tags = ["shelf:{shelf?}"])]
async fn change_shelf(shelf: &Option<u64>) {
    _ = shelf;
}

#[cache_invalidate(prefix = "on_shelf:{id?}")]
async fn change_item(id: Option<&str>) {
    _ = id;
}

#[cache_invalidate(tags = ["{shelf?}-of-{team?}"])]
fn change_shelf_of(shelf: Option<&str>, team: &mut Option<u64>) {
    _ = (shelf, team);
}

#[cached(ttl = 60, key = "{text}", tags = [text])]
async fn as_is(source: &Source, text: &str) -> u64 {
    text.len() as u64 + source.read().await
}

#[cache_invalidate(tags = [text])]
async fn change_as_is(text: impl Display + Send) {
    drop(text);
}

#[cached(ttl = 60, key = "{id}", tags = [of(id).tag()], each(id in ids))]
async fn many(source: &Source, ids: Vec<u64>) -> Vec<u64> {
    source.read().await;
    ids
}

#[cache_invalidate(tags = [of(id).tag()], each(id in ids))]
async fn change_many(ids: &[u64]) {
    _ = ids;
}

#[cached(ttl = 60, key = "{id}", tags = [of(id).tag(), "blocking:{shelf?}"])]
fn blocking(id: u64, shelf: Option<u64>) -> u64 {
    id + shelf.unwrap_or_default()
}

#[cache_invalidate(tags = [of(id).tag()])]
fn change_blocking(id: u64) {
    _ = id;
}

#[tokio::test]
async fn the_text_of_an_expression_is_a_tag() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        let load = async || (by_team(&source, &of(1)).await, by_team(&source, &of(2)).await);
        assert_eq!((load().await, load().await, source.reads()), ((1, 2), (1, 2), 2));
        change_team(of(1)).await;
        assert_eq!((load().await, source.reads()), ((1, 2), 3));
        cache.manager.invalidate_tag("team:2").await.unwrap();
        assert_eq!((load().await, source.reads()), ((1, 2), 4));
        cache.manager.invalidate_tag("t-2").await.unwrap();
        assert_eq!((load().await, source.reads()), ((1, 2), 5));
        change_all().await;
        assert_eq!((load().await, source.reads()), ((1, 2), 7));
    })
    .await;
}

#[tokio::test]
async fn a_none_leaves_out_the_whole_text() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        let red = Team { id: 1, shelf: Some("red".to_owned()) };
        let load = async || {
            on_shelf(&source, 1, Some(7), &red).await;
            on_shelf(&source, 2, None, &red).await;
            on_shelf(&source, 3, Some(7), &of(1)).await;
            source.reads()
        };
        assert_eq!((load().await, load().await), (3, 3));
        let invalidations = cache.manager.stats().invalidations;
        change_shelf(&None).await;
        change_item(None).await;
        change_shelf_of(Some("red"), &mut None);
        assert_eq!((load().await, cache.manager.stats().invalidations), (3, invalidations));
        change_shelf(&Some(7)).await;
        assert_eq!(load().await, 5);
        change_shelf_of(Some("red"), &mut Some(7));
        assert_eq!(load().await, 6);
        change_item(Some("2")).await;
        assert_eq!(load().await, 7);
    })
    .await;
}

// R3
#[tokio::test]
async fn a_call_with_a_text_that_is_no_tag_is_not_cached() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(0);
        for text in ["", "user:*", "#root"] {
            assert_eq!(as_is(&source, text).await, text.len() as u64);
            assert_eq!(as_is(&source, text).await, text.len() as u64);
        }
        let counts = cache.manager.stats().total;
        assert_eq!((source.reads(), counts.stores, counts.not_stored), (6, 0, 6));
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::INTENDED.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("the tag \\\"\\\" cannot be used")), "{said:#?}");
}

#[tokio::test]
async fn a_text_that_is_no_tag_invalidates_nothing() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(as_is(&source, "a").await, 1);
        change_as_is("*").await;
        assert_eq!((as_is(&source, "a").await, source.reads()), (1, 1));
        change_as_is("a").await;
        assert_eq!((as_is(&source, "a").await, source.reads()), (1, 2));
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::INTENDED.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("nothing is invalidated by it")), "{said:#?}");
}

// R3, R6: it is unknown which tag was meant.
#[tokio::test]
async fn an_expression_that_panics_caches_nothing_and_invalidates_everything() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(by_team(&source, &of(13)).await, 13);
        assert_eq!(by_team(&source, &of(13)).await, 13);
        assert_eq!((source.reads(), cache.manager.stats().total.not_stored), (2, 2));
        assert_eq!(as_is(&source, "a").await, 1);
        assert_eq!((as_is(&source, "a").await, source.reads()), (1, 3));
        change_team(of(13)).await;
        assert_eq!((as_is(&source, "a").await, source.reads()), (1, 4));
    })
    .await;
}

#[tokio::test]
async fn each_id_has_tags_of_its_own() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(many(&source, vec![1, 2, 3]).await, [1, 2, 3]);
        change_many(&[1, 3]).await;
        assert_eq!((many(&source, vec![2]).await, source.reads()), (vec![2], 1));
        assert_eq!((many(&source, vec![3]).await, source.reads()), (vec![3], 2));
        assert_eq!((many(&source, vec![1]).await, source.reads()), (vec![1], 3));
    })
    .await;
}

#[tokio::test]
async fn functions_that_are_not_async_have_them_too() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let loads = || (blocking(1, Some(2)), blocking(2, None), cache.manager.stats().total.loads);
        assert_eq!((loads(), loads()), ((3, 2, 2), (3, 2, 2)));
        change_blocking(2);
        assert_eq!(loads(), (3, 2, 3));
        cache.manager.invalidate_tag("blocking:2").await.unwrap();
        assert_eq!(loads(), (3, 2, 4));
    })
    .await;
}

#[tokio::test]
async fn an_expression_may_use_what_the_body_takes() {
    on_stores(&[Store::Tiered], async |cache: TestCache| {
        cache.clock.advance(Duration::from_secs(1));
        change_team(of(1)).await;
        assert_eq!(cache.manager.stats().invalidations, 1);
    })
    .await;
}
