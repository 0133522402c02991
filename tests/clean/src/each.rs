//! Functions of many keys, in every form.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use async_trait::async_trait;
use memo::{CacheManager, cache_invalidate, cache_put, cached};

/// The reason why a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing;

/// A video.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Video {
    /// The title.
    pub title: String,
}

/// One of them.
///
/// # Errors
///
/// If there is none.
#[cached(crate = ::memo, ttl = "5m", key_prefix = "clean:video", stale_if_error = "1h")]
pub async fn video(id: u64) -> Result<Option<Video>, Missing> {
    if id == 0 {
        return Err(Missing);
    }
    Ok(Some(Video { title: id.to_string() }))
}

/// Many of them, under the same entries.
///
/// # Errors
///
/// If there is none.
#[cached(
    crate = ::memo,
    entry = video(id),
    each(id in ids),
    max_batch = 100,
    bypass_if = id == 1,
    serve_stale_if = |error| *error == Missing,
    output = "result",
    background = true
)]
pub async fn videos(ids: &[u64]) -> Result<HashMap<u64, Video>, Missing> {
    if ids.contains(&0) {
        return Err(Missing);
    }
    Ok(ids.iter().map(|id| (*id, Video { title: id.to_string() })).collect())
}

/// The same without a task.
///
/// # Errors
///
/// Never.
#[cached(crate = memo, entry = video(id), each(id in ids))]
pub async fn videos_in_order(mut ids: Vec<u64>) -> Result<Vec<Option<Video>>, Missing> {
    ids.sort_unstable();
    Ok(ids.iter().map(|_| None).collect())
}

/// Each option that goes with entries of its own.
///
/// # Errors
///
/// Never.
#[cached(
    crate = ::memo,
    ttl = "5m",
    negative_ttl = "1m",
    jitter = 0.1,
    key_prefix = "clean:title",
    key = "{lang}:{id}",
    tags = ["title:{id}", "titles"],
    version = 2,
    cache_none = true,
    cache_if = Option::is_some,
    tags_of = |title| title.as_deref(),
    inherit,
    bypass_if = id == 0 || lang.is_empty() || ids.len() > 1_000,
    tier = "tiered",
    codec = memo::MessagePack,
    cost = 0.5,
    max_memory = "1MiB",
    max_entries = 1_000,
    weight = |title| title.as_ref().map_or(0, String::len),
    stale_while_revalidate = "1m",
    stale_if_error = "1h",
    serve_stale_if = |error| *error == Missing,
    early_refresh = 1.5,
    coalesce = "fleet",
    each(id in ids),
    max_batch = LIMIT
)]
pub async fn titles(ids: Vec<u64>, lang: &str) -> Result<Vec<Option<String>>, Missing> {
    Ok(ids.iter().map(|id| (*id > 1).then(|| format!("{lang} {id}"))).collect())
}

/// The most titles of one load.
pub const LIMIT: u64 = 100;

/// All arguments are the key, and no `None` is stored.
#[cached(crate = memo, cache_none = false, each(id in ids))]
pub async fn names(ids: &[String], _more: u8, mut prefix: String) -> HashMap<String, String> {
    prefix.push(' ');
    ids.iter().map(|id| (id.clone(), format!("{prefix}{id}"))).collect()
}

/// An expression that takes an id.
#[cached(crate = memo, key = (id, more.0), tags = ["one:{id}"], bypass_if = id.is_empty(), each(id in ids))]
pub async fn by_expression(ids: BTreeSet<String>, more: (u8, u8)) -> BTreeMap<String, u64> {
    let (first, second) = more;
    ids.into_iter().map(|id| (id, u64::from(first) + u64::from(second))).collect()
}

/// Arguments that are destructured, borrowed mutably, or only used by the attribute.
#[cached(crate = memo, key = "{id}:{_user}", each(id in ids))]
pub async fn arguments<S: BuildHasher + Default>(
    ids: HashSet<u64, S>,
    (first, mut second): (u64, Vec<u64>),
    log: &mut Vec<u64>,
    _user: u64,
) -> HashMap<u64, u64> {
    second.push(first);
    log.extend(&second);
    ids.iter().map(|id| (*id, second.len() as u64)).collect()
}

/// Values without serde, by ids without it.
#[cached(crate = memo, tier = "memory", each(id in ids))]
pub async fn kept(ids: &Vec<Opaque>) -> Vec<Opaque> {
    ids.clone()
}

/// A value and an id without serde.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(pub u64);

/// Static data.
#[cached(crate = memo, tier = "memory", each(id in ids), max_batch = 1)]
pub async fn kept_borrow(ids: &[u8]) -> Vec<&'static str> {
    ids.iter().map(|id| if *id == 0 { "zero" } else { "other" }).collect()
}

/// A change of many.
///
/// # Errors
///
/// Never.
#[cache_invalidate(
    crate = ::memo,
    prefix = "clean:video:{id}",
    tags = ["title:{id}", "titles", "of:{user}"],
    entry = video(id),
    entry = video(user),
    each(id in ids),
    if = Result::is_ok
)]
pub async fn delete(ids: Vec<u64>, user: u64) -> Result<usize, Missing> {
    Ok(ids.into_iter().filter(|id| *id != user).count())
}

/// A change of many by a function that is not async.
#[cache_invalidate(crate = memo, tags = ["title:{id}"], each(id in ids))]
#[must_use]
pub fn forget(ids: &BTreeSet<u64>) -> usize {
    ids.len()
}

/// A change of many that returns them.
///
/// # Errors
///
/// Never.
#[cache_put(
    crate = ::memo,
    entry = video(id),
    entry = video(user + id),
    each(id in ids),
    when = "always",
    if = Result::is_ok
)]
pub async fn update(mut ids: Vec<u64>, user: u64) -> Result<HashMap<u64, Video>, Missing> {
    ids.retain(|id| *id != user);
    Ok(ids.into_iter().map(|id| (id, Video { title: format!("new {id}") })).collect())
}

/// A change of many in a cache of its own.
#[cache_put(crate = memo, entry = video(id), each(id in ids), manager = cache)]
pub async fn update_own(cache: &CacheManager, ids: &[u64]) -> Vec<Video> {
    let titles = ids.iter().map(|id| format!("{id} in {}", cache.stats().total.hits()));
    titles.map(|title| Video { title }).collect()
}

/// One value without serde.
#[cached(crate = memo, tier = "memory", key = id.0)]
pub async fn opaque(id: &Opaque) -> Opaque {
    id.clone()
}

/// Many values without serde.
#[cache_put(crate = memo, entry = opaque(&id), each(id in ids))]
pub async fn update_opaque<S: BuildHasher + Default + Send>(
    ids: HashSet<Opaque, S>,
) -> BTreeMap<Opaque, Opaque> {
    ids.into_iter().map(|id| (id, Opaque(7))).collect()
}

/// One word.
#[cached(crate = memo, tier = "memory")]
pub async fn word(id: u8) -> Option<&'static str> {
    (id == 0).then_some("zero")
}

/// Many words, some of which there are not.
#[cache_put(crate = memo, entry = word(id), each(id in ids))]
pub async fn update_words(ids: &BTreeSet<u8>) -> Vec<Option<&'static str>> {
    ids.iter().map(|id| (*id < 2).then_some("small")).collect()
}

/// A shop.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Its number.
    pub number: u64,
    /// Its log.
    pub log: Vec<u64>,
}

impl Shop {
    /// A borrowed receiver.
    #[cached(crate = memo, key = "{self.number}:{article}", each(article in articles))]
    pub async fn prices(&self, articles: &[u64]) -> Vec<u64> {
        articles.iter().map(|article| article * self.number).collect()
    }

    /// A receiver that changes.
    #[cached(crate = memo, skip(self), each(article in articles))]
    pub async fn noted(&mut self, articles: &[u64]) -> Vec<u64> {
        self.log.extend(articles);
        let this = self;
        this.log.clone()
    }

    /// A receiver that is taken.
    #[cached(crate = memo, skip(self), each(article in articles))]
    pub async fn taken(self, articles: &[u64]) -> Vec<u64> {
        let Self { number, .. } = self;
        articles.iter().map(|article| article * number).collect()
    }

    /// A receiver that is shared, whose values are refreshed in the background.
    #[cached(crate = memo, skip(self), stale_while_revalidate = "1m", each(article in articles))]
    pub async fn shared(self: Arc<Self>, articles: &[u64], mut factor: u64) -> Vec<u64> {
        factor += self.number;
        articles.iter().map(|article| article * factor).collect()
    }

    /// The entries of a method.
    #[cached(crate = memo, skip(self))]
    pub async fn price(&self, article: u64) -> u64 {
        article * self.number
    }

    /// Many of them.
    #[cached(crate = memo, entry = self.price(article), each(article in articles))]
    pub async fn all_prices(&self, articles: &[u64]) -> HashMap<u64, u64> {
        articles.iter().map(|article| (*article, article * self.number)).collect()
    }

    /// A change of many of them.
    #[cache_put(crate = memo, entry = self.price(article), each(article in articles))]
    pub async fn set_prices(&mut self, articles: &[u64], price: u64) -> Vec<u64> {
        self.log.push(price);
        articles.iter().map(|_| price).collect()
    }
}

/// A trait of boxes.
#[async_trait]
pub trait Boxed {
    /// Prices.
    async fn boxed(&self, articles: &[u64], currency: &str, page: u64)
    -> Result<Vec<u64>, Missing>;

    /// Prices that change it.
    async fn boxed_mut(&mut self, articles: Vec<u64>) -> Vec<u64>;
}

#[async_trait]
impl Boxed for Shop {
    #[cached(crate = memo, key = "{self.number}:{currency}:{page}:{article}", each(article in articles))]
    async fn boxed(
        &self,
        articles: &[u64],
        currency: &str,
        page: u64,
    ) -> Result<Vec<u64>, Missing> {
        Ok(articles.iter().map(|article| article * self.number).collect())
    }

    #[cached(crate = memo, skip(self), each(article in articles))]
    async fn boxed_mut(&mut self, mut articles: Vec<u64>) -> Vec<u64> {
        self.log.push(1);
        articles.push(2);
        articles.truncate(1);
        articles
    }
}

/// Type parameters.
#[cached(crate = memo, skip(make), each(id in ids))]
pub async fn generic<K, F>(ids: &[K], make: F) -> HashMap<K, String>
where
    K: Clone + Eq + Hash + serde::Serialize + Sync,
    F: Fn(&K) -> String + Clone,
{
    ids.iter().map(|id| (id.clone(), make(id))).collect()
}
