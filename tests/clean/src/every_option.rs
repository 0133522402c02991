//! Each attribute with each of its options, on functions, methods and traits.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use memo::{CacheManager, MessagePack, cache_invalidate, cache_put, cached};

/// The reason why a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure;

/// A prefix that is not written where it is used.
pub const PREFIX: &str = "clean:constant";

/// A user.
#[derive(Debug)]
pub struct User {
    /// The id of the user.
    pub id: u64,
    /// The language of the user.
    pub language: &'static str,
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

/// A tag.
const ALL: &str = "clean:all";

/// All of the options that go together.
///
/// # Errors
///
/// If the name is empty.
#[cached(
    crate = ::memo,
    ttl = "5m",
    negative_ttl = 10,
    jitter = 0.1,
    key_prefix = "clean:found",
    key = "{id}:{name}",
    tags = ["id:{id}", "all", format!("name:{name}"), ALL],
    version = 2,
    cache_none = true,
    cache_if = |found| found.as_ref().is_none_or(|name| !name.is_empty()),
    tags_of = |found| found.as_ref().map(|name| format!("name:{name}")),
    bypass_if = id == 0,
    tier = "tiered",
    codec = MessagePack,
    cost = 0.5,
    output = "result"
)]
pub async fn find(id: u64, name: &str) -> Result<Option<String>, Failure> {
    if name.is_empty() {
        return Err(Failure);
    }
    Ok((id > 0).then(|| format!("{name} {id}")))
}

/// Its source was busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy(pub memo::Shed);

impl From<memo::Shed> for Busy {
    fn from(shed: memo::Shed) -> Self {
        Self(shed)
    }
}

/// Limits its loads.
///
/// # Errors
///
/// If its source is busy.
#[cached(crate = ::memo, source = "postgres", max_loads = 8, shed = "200ms", key_prefix = "clean:limited")]
pub async fn limited(id: u64) -> Result<u64, Busy> {
    Ok(id)
}

/// Limits its loads of many keys.
///
/// # Errors
///
/// If its source is busy.
#[cached(crate = ::memo, source = "postgres", shed, each(id in ids), key_prefix = "clean:all_limited")]
pub async fn all_limited(ids: &[u64]) -> Result<Vec<u64>, Busy> {
    Ok(ids.to_vec())
}

/// A value and an argument without serde.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opaque(pub u64);

/// Keeps a value without serde.
///
/// # Errors
///
/// If the number is zero.
#[cached(crate = ::memo, tier = "memory", stale_if_error = "1h", key_prefix = "clean:kept")]
pub async fn keep(of: &Opaque, others: Vec<Opaque>) -> Result<Vec<Opaque>, Failure> {
    if of.0 == 0 {
        return Err(Failure);
    }
    Ok(others)
}

/// Keeps a borrow of static data, by a key without serde.
#[cached(crate = ::memo, tier = "memory", key = (of.clone(), 1))]
pub async fn keep_borrow(of: Opaque) -> &'static str {
    if of.0 == 0 { "zero" } else { "other" }
}

/// Gives a caller a stale value while a load runs or fails.
///
/// # Errors
///
/// If the name is empty.
#[cached(
    crate = ::memo,
    ttl = "5m",
    stale_while_revalidate = "1m",
    stale_if_error = "1h",
    serve_stale_if = |failure| *failure == Failure,
    load_timeout = "1s",
    error_ttl = "1s",
    early_refresh = 1.5,
    detached = true,
    coalesce = "fleet",
    share_errors = true
)]
pub async fn find_again(id: u64, mut name: String, others: &[u64]) -> Result<String, Failure> {
    if name.is_empty() {
        return Err(Failure);
    }
    name.push_str(&(id + others.len() as u64).to_string());
    Ok(name)
}

/// Asks about the old value first, and gives it to the body.
///
/// # Errors
///
/// If the name is empty.
#[cached(
    crate = ::memo,
    ttl = "5m",
    keep = "1h",
    stale_while_revalidate = "1m",
    still_current = |old: &String| core::future::ready(old.starts_with(name)),
    previous = old
)]
pub async fn find_changed(id: u64, name: &str, mut old: Option<String>) -> Result<String, Failure> {
    if name.is_empty() {
        return Err(Failure);
    }
    Ok(old.take().unwrap_or_else(|| format!("{name} {id}")))
}

/// Compared with its source.
#[cached(crate = ::memo, ttl = "1h", tier = "memory", verify = "1m")]
pub async fn find_verified(id: u64, name: &str) -> String {
    format!("{name} {id}")
}

/// Does the same at once.
#[cached(crate = ::memo, verify = 60)]
#[must_use]
pub fn find_verified_at_once(id: u64, name: &str) -> String {
    format!("{name} {id}")
}

/// Is not compared.
#[cached(crate = ::memo, stale_while_revalidate = "1m", verify = "off")]
pub async fn find_unverified(id: u64) -> u64 {
    id
}

/// Does the same at once.
#[cached(crate = memo, keep = "1h", still_current = |old| old.is_empty(), previous = _old)]
#[must_use]
pub fn find_at_once(id: u64, _old: Option<String>) -> String {
    id.to_string()
}

/// Early, by the caller.
///
/// # Errors
///
/// None.
#[cached(crate = ::memo, early_refresh = 1.0, background = false, coalesce = "off", share_errors = false)]
pub async fn early(_user: u64, (id, _more): (u64, u64)) -> Result<u64, Failure> {
    Ok(id)
}

/// The others.
#[cached(crate = memo, ttl = a_minute(), prefix = PREFIX, skip(_user, more), output = "plain", inherit = "tags")]
pub async fn numbers<T>(_user: &User, count: u64, more: T) -> Vec<u64>
where
    T: IntoIterator<Item = u64>,
{
    (0..count).chain(more).collect()
}

/// A key that is an expression.
#[cached(crate = memo, ttl = 90, key = (user.id, user.language), cache_none = false)]
pub async fn greeting(user: &User) -> Option<String> {
    Some(format!("{}: hello, {}", user.language, user.id))
}

/// Arguments that the body does not use, and the key does.
#[cached(crate = memo)]
pub async fn unused(_n: u64, _text: &str) -> u64 {
    1
}

/// Arguments that only the attribute uses.
#[cache_invalidate(crate = memo, tags = ["{_n}"], entry = unused(_n, _text))]
#[cache_put(crate = memo, entry = unused(_n, _text))]
pub async fn unused_too(_n: u64, _text: &str) -> u64 {
    2
}

/// A cache of its own, which only the attribute uses.
#[cached(crate = memo, prefix = "clean:own", key = "{n}", manager = _cache)]
pub async fn own(_cache: &CacheManager, n: u64) -> u64 {
    n
}

/// The same in the background.
#[cached(crate = memo, skip(cache), manager = &cache, early_refresh = 1.0)]
pub async fn own_in_background(cache: Arc<CacheManager>, n: u64) -> u64 {
    n + cache.stats().total.load_errors
}

/// The same, changed.
#[cache_invalidate(crate = memo, prefix = "clean:own:{n}", manager = _cache)]
pub async fn forget_own(_cache: &CacheManager, n: u64) {}

/// The same, replaced.
#[cache_put(crate = memo, entry = own(cache, n), manager = cache)]
pub async fn put_own(cache: &CacheManager, n: u64) -> u64 {
    n + cache.stats().total.loads
}

/// Attributes of other kinds.
#[deprecated(note = "it is here to be warned of")]
#[must_use = "it is here to be warned of"]
#[cached(crate = memo)]
pub async fn old(n: u64) -> u64 {
    n
}

/// Each option of an invalidation.
///
/// # Errors
///
/// Never.
#[cache_invalidate(
    crate = ::memo,
    prefix = "clean:found:{id}",
    tags = ["id:{id}"],
    entry = find(id, name),
    entry = greeting(&User { id, language: "en" }),
    when = "always",
    if = Result::is_ok
)]
pub async fn rename(id: u64, name: &str) -> Result<usize, Failure> {
    Ok(name.len())
}

/// Before the body.
#[cache_invalidate(crate = memo, key_prefix = "clean", when = "before")]
pub async fn clear() {}

/// Keeps the entries as stale values.
#[cache_invalidate(crate = memo, prefix = "clean", tags = ["soft"], soft = "30s")]
pub async fn clear_softly() {}

/// After it has succeeded.
#[cache_invalidate(crate = memo, prefix = "clean", when = "success")]
pub async fn clear_later<'a>(name: &'a str, _other: &str) -> &'a str {
    name
}

/// Each option of a put.
///
/// # Errors
///
/// Never.
#[cache_put(
    crate = ::memo,
    entry = find(id, name),
    prefix = "clean:found:{result?}",
    tags = [format!("put:{id}"), "put:{name}"],
    when = "always",
    if = |found: &Result<Option<String>, Failure>| found.is_ok()
)]
pub async fn put(id: u64, name: &str) -> Result<Option<String>, Failure> {
    Ok(Some(format!("put {name} {id}")))
}

impl User {
    /// A method.
    #[cached(crate = memo, key = "{self.id}:{topic}", tags = ["user:{self.id}"])]
    pub async fn read(&self, topic: &str) -> String {
        format!("{} reads {topic}", self.id)
    }

    /// A method that changes something.
    #[cache_invalidate(crate = memo, tags = ["user:{self.id}"], entry = self.read(topic))]
    pub async fn write(&mut self, topic: &str) {
        self.id += u64::from(topic.is_empty());
    }

    /// A method that gives what another one reads.
    #[cache_put(crate = memo, entry = self.read(topic))]
    pub async fn publish(&self, topic: &str) -> String {
        format!("{} has read {topic}", self.id)
    }
}

/// A trait as it is.
pub trait Native {
    /// A number.
    fn number(&self, n: u64) -> impl Future<Output = u64> + Send;
}

impl Native for User {
    #[cached(crate = memo, skip(self))]
    async fn number(&self, n: u64) -> u64 {
        n * 2
    }
}

/// A trait of boxes.
#[async_trait]
pub trait Boxed {
    /// A number.
    async fn boxed(&self, n: u64) -> Result<u64, Failure>;

    /// Another number, and nothing is kept.
    #[cache_invalidate(crate = memo, prefix = "boxed")]
    async fn forget(&self, n: u64) -> u64 {
        n
    }

    /// A number of which the attribute alone knows the argument.
    async fn constant(&self, n: u64) -> u64;

    /// The same by a template, beside an unused argument.
    async fn feed(user: u64, tag: &str, preview: bool, _page: u64) -> u64
    where
        Self: Sized;

    /// A number of which nobody knows the argument.
    async fn unnamed(&self, n: u64) -> u64;

    /// A change of which the attribute alone knows the arguments.
    async fn forget_all(&self, n: u64, user: u64);
}

#[async_trait]
impl Boxed for User {
    #[cached(crate = memo, key_prefix = "boxed", key = "{n}")]
    async fn boxed(&self, n: u64) -> Result<u64, Failure> {
        if n == 0 {
            Err(Failure)?;
        }
        Ok(n * 3)
    }

    #[cache_put(crate = memo, entry = self.boxed(n))]
    async fn forget(&self, n: u64) -> u64 {
        n
    }

    #[cached(crate = memo, skip(self))]
    async fn constant(&self, n: u64) -> u64 {
        3
    }

    #[cached(crate = memo, key = "{user}", tags = ["tag:{tag}"], bypass_if = preview)]
    async fn feed(user: u64, tag: &str, preview: bool, _page: u64) -> u64 {
        4
    }

    #[cached(crate = memo, skip(self, n))]
    #[expect(unused_variables, reason = "the attribute does not use it either")]
    async fn unnamed(&self, n: u64) -> u64 {
        5
    }

    #[cache_invalidate(crate = memo, prefix = "feed:{user}", entry = self.constant(n))]
    async fn forget_all(&self, n: u64, user: u64) {}
}
