//! Calls of each kind, with their frequencies.

use std::sync::Arc;

use cache_runtime::{CacheManager, cache_invalidate, cache_put, cached, with};
use cache_tests::Dice;
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

/// The number of values.
const ARTICLES: u64 = 100_000;
/// They are in this many groups, which are invalidated as a whole.
const GROUPS: u64 = 200;
/// A task makes at least this number of calls, because the hit rate grows with it. A busy machine needs
/// longer.
const LEAST_CALLS: u64 = 2_000;

type Article = Arc<Vec<u64>>;

#[cached(ttl = "1h", key_prefix = "article", key = "{group}:{id}")]
async fn article(group: u64, id: u64) -> Article {
    yield_now().await;
    Arc::new(content(id))
}

#[cached(ttl = "30ms", key_prefix = "brief", stale_while_revalidate = "30ms")]
async fn brief(id: u64) -> u64 {
    yield_now().await;
    id
}

#[cached(ttl = "1s", key_prefix = "once", key = "{id}")]
async fn once(id: u64) -> u64 {
    yield_now().await;
    id
}

#[cache_put(entry = article(group, id))]
async fn write(group: u64, id: u64) -> Article {
    Arc::new(content(id))
}

#[cache_invalidate(entry = article(group, id))]
async fn change(group: u64, id: u64) {
    let _ = (group, id);
}

#[cache_invalidate(prefix = "article:{group}")]
async fn change_all(group: u64) {
    let _ = group;
}

/// About a kilobyte that says whose it is.
fn content(id: u64) -> Vec<u64> {
    vec![id; 100 + id as usize % 56]
}

/// Calls everything once: what a process does once is done.
pub(crate) async fn one_of_each() {
    ask(0, 0).await;
    brief(0).await;
    write(0, 0).await;
    change(0, 0).await;
    change_all(0).await;
}

/// Requests an article, and looks whether it is that.
async fn ask(group: u64, id: u64) {
    let article = article(group, id).await;
    assert_eq!((article.len(), article.first()), (content(id).len(), Some(&id)));
}

/// Tasks that call until a moment, and at least [`LEAST_CALLS`] times each.
pub(crate) struct Traffic(JoinSet<u64>);

impl Traffic {
    pub(crate) fn begin(manager: &CacheManager, tasks: u64, until: Instant) -> Self {
        let task = |number| {
            let manager = manager.clone();
            async move { with(&manager, calls(Dice::of(7, number), until)).await }
        };
        Traffic((0..tasks).map(task).collect())
    }

    /// Waits for the end; how many calls there were.
    pub(crate) async fn end(self) -> u64 {
        self.0.join_all().await.into_iter().sum()
    }
}

/// Requests this many different keys, each of which one call loads and another one waits for.
pub(crate) async fn each_once(manager: &CacheManager, tasks: u64, keys: u64) {
    let task = |number| {
        let manager = manager.clone();
        let calls = async move {
            for id in (number..keys).step_by(tasks as usize) {
                assert_eq!(tokio::join!(once(id), once(id)), (id, id));
            }
        };
        async move { with(&manager, calls).await }
    };
    let tasks: JoinSet<()> = (0..tasks).map(task).collect();
    tasks.join_all().await;
}

async fn calls(mut dice: Dice, until: Instant) -> u64 {
    let mut done = 0;
    while done < LEAST_CALLS || Instant::now() < until {
        // A task that only ever finds what it requests leaves no room for others.
        yield_now().await;
        for _ in 0..64 {
            call(&mut dice).await;
            done += 1;
        }
    }
    done
}

async fn call(dice: &mut Dice) {
    let id = popular(dice);
    let group = id % GROUPS;
    match dice.below(10_000) {
        0..2 => change_all(dice.below(GROUPS)).await,
        2..100 => change(group, id).await,
        100..200 => _ = write(group, id).await,
        200..1_000 => assert_eq!(brief(id % 100).await, id % 100),
        _ => ask(group, id).await,
    }
}

/// Some are requested far more often than others: the logarithm of the rank is even.
fn popular(dice: &mut Dice) -> u64 {
    let even = dice.below(1 << 32) as f64 / (1_u64 << 32) as f64;
    let rank = (even * (ARTICLES as f64).ln()).exp() as u64;
    // Spread over the groups.
    rank.min(ARTICLES - 1).wrapping_mul(48_271) % ARTICLES
}
