//! Every option of `#[cache_invalidate]` shows its effect.

use cache_runtime::{cache_invalidate, cached};

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

#[cached(key_prefix = "shop:item", key = "{id}", tags = ["owner:{owner}"])]
async fn item(source: &Source, id: u64, owner: &str) -> u64 {
    _ = (id, owner);
    source.read().await
}

struct Patch {
    id: u64,
    owner: &'static str,
}

const PATCH: Patch = Patch { id: 1, owner: "ada" };

#[cache_invalidate(prefix = "shop")]
async fn by_prefix() {}

#[cache_invalidate(key_prefix = "shop:item:{patch.id}")]
async fn by_template(patch: Patch) -> String {
    patch.owner.to_owned()
}

#[cache_invalidate(tags = ["owner:{patch.owner}", "owner:{other}"])]
async fn by_tags(patch: &Patch, other: &str) {
    _ = (patch, other);
}

#[cache_invalidate(prefix = "shop:item:{patch.id}", tags = ["owner:{other}"])]
async fn by_both(patch: &Patch, other: &str) {
    _ = (patch, other);
}

#[cache_invalidate(prefix = "shop:item:{id}")]
async fn by_text(id: &str) {
    _ = id;
}

/// Returns which of the three items of ada (1, 2) and grace (3) are loaded again after this.
async fn reloaded(invalidation: impl AsyncFn()) -> Vec<u64> {
    let source = Source::new(1);
    let all = [(1, "ada"), (2, "ada"), (3, "grace")];
    for (id, owner) in all {
        item(&source, id, owner).await;
    }
    invalidation().await;
    source.set(2);
    let mut reloaded = Vec::new();
    for (id, owner) in all {
        if item(&source, id, owner).await == 2 {
            reloaded.push(id);
        }
    }
    by_prefix().await;
    reloaded
}

#[tokio::test]
async fn a_prefix_and_tags_say_what_becomes_stale() {
    on_each_store(async |_: TestCache| {
        assert_eq!(reloaded(async || by_prefix().await).await, [1, 2, 3]);
        assert_eq!(reloaded(async || drop(by_template(PATCH).await)).await, [1]);
        assert_eq!(reloaded(async || by_tags(&PATCH, "nobody").await).await, [1, 2]);
        assert_eq!(reloaded(async || by_tags(&PATCH, "grace").await).await, [1, 2, 3]);
        assert_eq!(reloaded(async || by_both(&PATCH, "grace").await).await, [1, 3]);
        assert_eq!(reloaded(async || by_text("2").await).await, [2]);
        assert_eq!(reloaded(async || by_text("*").await).await, [0_u64; 0]);
        assert_eq!(reloaded(async || {}).await, [0_u64; 0]);
    })
    .await;
}

type Saved = Result<u64, String>;

#[cache_invalidate(prefix = "shop")]
async fn on_success(result: Saved) -> Saved {
    result
}

#[cache_invalidate(prefix = "shop", when = "success")]
async fn on_plain_return(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

#[cache_invalidate(prefix = "shop", when = "always")]
async fn always(result: Saved) -> Saved {
    result
}

#[cache_invalidate(prefix = "shop", when = "before")]
async fn before(source: &Source, result: Saved) -> Saved {
    // Entries that are stored from here on stay.
    item(source, 1, "ada").await;
    result
}

fn failure() -> Saved {
    Err("the database is down".to_owned())
}

#[tokio::test]
async fn by_default_only_a_success_invalidates() {
    on_each_store(async |_: TestCache| {
        assert_eq!(reloaded(async || drop(on_success(Ok(1)).await)).await, [1, 2, 3]);
        assert_eq!(reloaded(async || drop(on_success(failure()).await)).await, [0_u64; 0]);
        assert_eq!(reloaded(async || drop(on_plain_return("a").await)).await, [1, 2, 3]);
        assert_eq!(reloaded(async || drop(on_plain_return("").await)).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn always_means_after_a_failure_too() {
    on_each_store(async |_: TestCache| {
        assert_eq!(reloaded(async || drop(always(Ok(1)).await)).await, [1, 2, 3]);
        assert_eq!(reloaded(async || drop(always(failure()).await)).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn before_means_that_the_body_finds_nothing_and_what_it_loads_stays() {
    on_each_store(async |_: TestCache| {
        for result in [Ok(1), failure()] {
            let source = Source::new(1);
            item(&source, 1, "ada").await;
            source.set(2);
            assert_eq!(before(&source, result.clone()).await, result);
            assert_eq!(source.reads(), 2);
            source.set(3);
            assert_eq!(item(&source, 1, "ada").await, 2);
            by_prefix().await;
        }
    })
    .await;
}

#[cache_invalidate(prefix = "shop", if = |result: &Saved| *result == Ok(2))]
async fn if_two(result: Saved) -> Saved {
    result
}

#[cache_invalidate(prefix = "shop", when = "always", if = Result::is_err)]
async fn if_failed(result: Saved) -> Saved {
    result
}

#[tokio::test]
async fn a_condition_on_the_result_decides() {
    on_each_store(async |_: TestCache| {
        assert_eq!(reloaded(async || drop(if_two(Ok(1)).await)).await, [0_u64; 0]);
        assert_eq!(reloaded(async || drop(if_two(Ok(2)).await)).await, [1, 2, 3]);
        assert_eq!(reloaded(async || drop(if_failed(Ok(2)).await)).await, [0_u64; 0]);
        assert_eq!(reloaded(async || drop(if_failed(failure()).await)).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn the_result_is_passed_on_as_it_is() {
    on_each_store(async |cache: TestCache| {
        assert_eq!(on_success(Ok(5)).await, Ok(5));
        assert_eq!(on_success(failure()).await, failure());
        assert_eq!(by_template(PATCH).await, "ada");
        assert_eq!(cache.manager.stats().invalidations, 2);
    })
    .await;
}

#[cache_invalidate(prefix = "shop")]
#[cached(key_prefix = "invalidates_inside", key = "{id}")]
async fn invalidates_inside(id: u64) -> String {
    id.to_string()
}

#[tokio::test]
async fn a_cached_function_may_invalidate_when_its_body_runs() {
    on_each_store(async |_: TestCache| {
        let inside = async || drop(invalidates_inside(1).await);
        assert_eq!(reloaded(inside).await, [1, 2, 3]);
        assert_eq!(reloaded(inside).await, [0_u64; 0], "answered from the cache");
    })
    .await;
}
