//! Hits of several kinds.

use std::pin::pin;
use std::sync::{LazyLock, Once};
use std::task::{Context, Poll, Waker};

use cache_runtime::{CacheManager, cached};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Price {
    cents: u64,
    valid_days: u32,
}

#[derive(Debug, Serialize)]
enum Currency {
    Euro,
}

#[cached(ttl = "5m")]
async fn number(id: u64, language: &str) -> u64 {
    id + language.len() as u64
}

#[cached(ttl = "forever", key_prefix = "price", key = "{article}:{day}", tags = ["article:{article}"])]
async fn price(article: &str, day: u32) -> Result<Price, std::fmt::Error> {
    Ok(Price { cents: article.len() as u64, valid_days: day })
}

#[cached(ttl = "1h", cache_none = false)]
async fn converted(from: (u64, Currency), to: &[Option<u8>]) -> Option<u128> {
    to.iter().flatten().map(|part| u128::from(from.0) * u128::from(*part)).max()
}

static OWN: LazyLock<CacheManager> = LazyLock::new(|| CacheManager::builder().build().unwrap());

/// In a cache of its own.
#[cached(ttl = "5m", manager = &OWN)]
async fn square(x: u64) -> u64 {
    x * x
}

#[derive(Clone)]
struct Shop(u64);

impl Shop {
    #[cached(ttl = "5m", skip(self), early_refresh = 1.0)]
    async fn stock<A: AsRef<[u16]> + Serialize + Clone + Send + Sync + 'static>(
        &self,
        articles: A,
    ) -> u64 {
        self.0 + articles.as_ref().len() as u64
    }
}

/// The number of values of each kind. It is large enough to fill the near cache of a thread.
const KEYS: u64 = 1_000;

/// Requests something of each kind.
///
/// # Panics
///
/// If an answer is wrong.
pub(crate) fn ask(id: u64) {
    assert_eq!(ready(number(id, "en-GB")), id + 5);
    assert_eq!(ready(price("a-1", id as u32)).unwrap().valid_days, id as u32);
    assert_eq!(ready(converted((id, Currency::Euro), &[None, Some(2)])), Some(u128::from(id) * 2));
    assert_eq!(ready(square(id)), id * id);
    assert_eq!(ready(Shop(7).stock([id as u16, 1])), 9);
}

/// Asks again and again for what is in memory: often enough that a thread has some of it at hand,
/// and of so much that it has not all.
pub(crate) fn ask_for_many() {
    for round in 0..20 {
        for id in 0..KEYS {
            ask(id);
            ask(round);
        }
    }
}

/// Loads all that is requested, and does what a thread does a few times in its life: what it has at
/// hand grows with what it requests.
pub(crate) fn warm_up() {
    // One test loads. Another one that did so at the same time would wait for its loads.
    static LOADED: Once = Once::new();
    LOADED.call_once(ask_for_many);
    (0..20).for_each(|_| ask_for_many());
}

/// Returns the output of a future that does not wait. (In the warm-up, too: no body here does.)
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a call waits"),
    }
}
