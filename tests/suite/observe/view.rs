//! The observation as tests and logs read it.

use cache_runtime::{CacheManager, Clock, Source as From, Ttl, observe, with};
use serde_json::json;

use super::{MINUTE, PATH, SECOND, item, page};
use crate::source::Source;

#[tokio::test]
async fn patterns_are_functions_names_prefixes_and_tags_in_full() {
    let (manager, source) = (CacheManager::builder().build().unwrap(), Source::new(1));
    let (_, seen) = with(&manager, observe(page(&source, 7))).await;
    let count = |pattern: &str| seen.of(pattern).len();
    let whole = format!("{PATH}::item");
    for pattern in ["item", "observe::item", &whole, "observed:item"] {
        assert_eq!(count(pattern), 2, "{pattern}");
    }
    for pattern in ["observed:item:7", "team:red", "page", "observed:page:7"] {
        assert_eq!(count(pattern), 1, "{pattern}");
    }
    assert_eq!(count("observed"), 3);
    for pattern in ["", "tem", "em", "::item", "observed:", "observed:it", "team", "7", "item:7"] {
        assert_eq!(count(pattern), 0, "{pattern}");
    }
    let items = seen.of("item");
    assert_eq!((items.count(From::Load), items.calls()[0].depth()), (2, 1));
}

#[tokio::test]
async fn the_table_has_the_calls_of_a_body_below_it() {
    let (clock, source) = (Clock::mock(), Source::new(1));
    let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
    let (_, seen) = with(&manager, async {
        item(&source, 8, "blue").await.unwrap();
        clock.advance(2 * SECOND);
        observe(async {
            page(&source, 7).await;
            source.set(0);
            item(&source, 9, "red").await.unwrap_err();
        })
        .await
    })
    .await;
    let expected = format!(
        "\
call{0}  source       age  remaining  name
{PATH}::page{1}  load          0s         1h  observed:page:7
  {PATH}::item  load          0s         1m  observed:item:7
  {PATH}::item  memory        2s        58s  observed:item:8
{PATH}::item{1}  load, error   0s          -  observed:item:9
4 calls",
        " ".repeat(PATH.len() + 4),
        "  ",
    );
    assert_eq!(seen.to_string(), expected);
    assert_eq!((seen.max_age(), seen.remaining()), (Some(2 * SECOND), None));
    let without_error = seen.of("page");
    assert_eq!(without_error.remaining(), Some(Ttl::For(60 * MINUTE)));
    assert_eq!(seen.of("observed:item:8").remaining(), Some(Ttl::For(58 * SECOND)));
}

#[tokio::test]
async fn it_serialises_for_logs() {
    let (manager, source) = (CacheManager::builder().build().unwrap(), Source::new(1));
    let (_, seen) = with(&manager, observe(item(&source, 7, "red"))).await;
    let expected = json!({
        "calls": [{
            "function": format!("{PATH}::item"),
            "prefix": "observed:item",
            "name": "observed:item:7",
            "source": "load",
            "bypass": null,
            "age": 0.0,
            "remaining": "1m",
            "stale": false,
            "error": false,
            "tags": ["observed", "observed:item", "team:red"],
            "depth": 0,
        }],
        "omitted": 0,
    });
    assert_eq!(serde_json::to_value(&seen).unwrap(), expected);
}

#[tokio::test]
async fn nothing_is_seen_where_nothing_is_called() {
    let ((), seen) = observe(async {}).await;
    assert!(seen.is_empty() && seen.calls().is_empty());
    assert_eq!((seen.len(), seen.omitted()), (0, 0));
    assert_eq!((seen.max_age(), seen.remaining()), (None, None));
    assert!(seen.to_string().ends_with("0 calls"), "{seen}");
}
