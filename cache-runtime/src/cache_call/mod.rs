//! Acting on one call of an annotated function: on the entry that it would use.

mod blocking;
pub(crate) mod request;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::slice;
use std::time::Duration;

pub use blocking::{BlockingEntry, blocking_entry, call_blocking};

use crate::cache_call::request::{
    Addressee, FetchOptions, Request, RequestOutcome, Resolved, Response, addressee, ask,
};
use crate::deferral::{self, Holding};
use crate::error::Error;
use crate::output::MemoryValue;
use crate::tiers::invalidate::Targets;
use crate::tiers::origin::{Origin, Source};

/// Extends the future of a call of a `#[cached]` function. For a function that is not async, see
/// [`entry_fn`](crate::options#entry_fn).
///
/// It has one method; the others are those of [`CacheEntry`]. It works for free functions, methods, trait
/// methods and `dyn` objects.
///
/// ```
/// use cache_runtime::{CacheCall as _, CacheManager, cached};
///
/// #[cached(ttl = "1m")]
/// async fn greeting(name: &str) -> String {
///     format!("Hello {name}!")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_runtime::Error> {
/// # let manager = CacheManager::builder().build()?;
/// # cache_runtime::with(&manager, async {
/// assert_eq!(greeting("Ada").cache_entry().peek().await?, None);
/// greeting("Ada").await;
/// assert_eq!(greeting("Ada").cache_entry().peek().await?.as_deref(), Some("Hello Ada!"));
///
/// greeting("Ada").cache_entry().invalidate().await?;
/// assert_eq!(greeting("Ada").cache_entry().peek().await?, None);
/// # Ok(())
/// # }).await
/// # }
/// ```
pub trait CacheCall: Future + Sized {
    /// Returns a handle of the entry that this call would read and store. Nothing happens until a
    /// method of the handle is awaited.
    ///
    /// The call must not have been polled. Use this method directly on the call: a boxed future (of an
    /// `#[async_trait]` method) is recognised as the one that was created last on this thread. So an
    /// ordinary function that immediately makes such a call, and returns it in another box, is mistaken
    /// for it.
    fn cache_entry(self) -> CacheEntry<Self> {
        CacheEntry {
            addressee: addressee::<Self>(),
            call: Box::pin(self),
            options: FetchOptions::default(),
        }
    }
}

impl<F: Future> CacheCall for F {}

/// The entry of one call, returned by [`cache_entry`](CacheCall::cache_entry).
///
/// # Errors
///
/// Every method fails with [`Error::NotACachedCall`] if the future is not that of an annotated
/// function, and never acts on the entry of a call that such a future makes. The future may then have run
/// up to its first suspension point, or up to the cached call in it. A method fails with
/// [`Error::NoEntry`] if the key cannot be made, for example because an argument cannot be serialised.
/// An outage of Redis is not an error.
///
/// # Cancel safety
///
/// - Dropping [`invalidate`](CacheEntry::invalidate) half-way still invalidates.
/// - Dropping [`refresh`](CacheEntry::refresh), [`fetch`](CacheEntry::fetch) or
///   [`bypass`](CacheEntry::bypass) drops the function's body, and nothing is stored.
/// - Dropping [`put`](CacheEntry::put) half-way stores nothing. The previous entry may be removed,
///   because it is older.
#[must_use = "a handle does nothing until one of its methods is awaited"]
pub struct CacheEntry<F> {
    call: Pin<Box<F>>,
    addressee: Addressee,
    options: FetchOptions,
}

/// An output and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched<T> {
    /// The whole output of the function; for a function that returns a `Result`, that `Result`.
    pub value: T,
    /// The source of the value.
    pub source: Source,
    /// The time since it was stored; zero if it has just been loaded.
    pub age: Duration,
    /// True if its TTL has ended.
    pub stale: bool,
}

impl<F: Future> CacheEntry<F> {
    /// Makes [`fetch`](CacheEntry::fetch) and [`peek`](CacheEntry::peek) ignore a stored value of this
    /// age or older. `fetch` then loads.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = Some(age);
        self
    }

    /// Makes [`fetch`](CacheEntry::fetch) return [`Error::NotCached`] instead of loading. Unlike
    /// [`peek`](CacheEntry::peek), the call is counted, and a stale value is returned if it may be
    /// served during a refresh. The refresh is not started.
    pub fn only_if_cached(mut self) -> Self {
        self.options.only_if_cached = true;
        self
    }

    /// Returns the name of the entry, as [`CacheManager`](crate::CacheManager) takes it. In Redis, the
    /// namespace and a `:` precede it.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors).
    pub fn name(self) -> Result<String, Error> {
        let resolved = request::resolve(self.call, self.addressee)?;
        Ok(resolved.key.name().as_str().to_owned())
    }

    /// Removes the entry, and prevents running loads from storing one. When this returns, every later
    /// call with the same arguments in this process loads.
    ///
    /// In the scope of a [transaction](crate::deferred), also that of the function's option `within`, the removal follows
    /// the commit.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors).
    pub async fn invalidate(self) -> Result<(), Error> {
        let Resolved { bound, key, queue, .. } = request::resolve(self.call, self.addressee)?;
        let targets = Targets::name(key.name().as_str());
        deferral::invalidate_in(queue, &bound.core, targets).await;
        Ok(())
    }

    /// Does the same without waiting for Redis.
    fn invalidate_in_background(self) -> Result<(), Error> {
        let Resolved { bound, key, queue, .. } = request::resolve(self.call, self.addressee)?;
        let targets = Targets::name(key.name().as_str());
        let core = &bound.core;
        if !deferral::queue_in(queue, || Holding::of_targets(core, targets.clone())) {
            core.invalidate_in_background(slice::from_ref(&targets));
        }
        Ok(())
    }

    /// Loads now, even if a fresh value is stored; stores the output and returns it. Until then, other
    /// callers get the stored value. If the entry is stored or invalidated in another way while the
    /// body runs, the output is returned and not stored. An entry that was stored in the meantime is
    /// removed, because it is unknown which of the two is newer.
    ///
    /// Callers of `refresh` during such a load share the next one, which begins when the running load
    /// has ended. So fifty concurrent callers cause two loads, unless the function has `coalesce =
    /// "off"`.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors). The output of the body is in the `Ok`: for a function that
    /// returns a `Result`, write `.await??`.
    pub async fn refresh(self) -> Result<F::Output, Error> {
        self.output(Request::Refresh).await
    }

    /// Runs the function without the cache: nothing is read, stored or shared.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors). The output of the body is in the `Ok`: for a function that
    /// returns a `Result`, write `.await??`.
    pub async fn bypass(self) -> Result<F::Output, Error> {
        self.output(Request::Bypass).await
    }

    /// Returns the stored value if it is fresh, and never loads. For a function that returns a
    /// `Result`, the value is `Some(Ok(..))`. The call is not counted in the statistics.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors).
    pub async fn peek(self) -> Result<Option<F::Output>, Error> {
        let max_age = self.options.max_age;
        Ok(self.ask(Request::Peek(max_age)).await?.0)
    }

    /// Makes the ordinary call, and also returns the source of its output. [`value`](Fetched::value) is
    /// the whole output.
    ///
    /// # Errors
    /// See [above](CacheEntry#errors). The output of the body is in [`Fetched::value`].
    pub async fn fetch(self) -> Result<Fetched<F::Output>, Error> {
        let future = self.not_a_cached_call();
        let options = self.options;
        match self.ask(Request::Fetch(options)).await? {
            (Some(value), Response::Found(Origin { source, age, stale, .. })) => {
                Ok(Fetched { value, source, age, stale })
            }
            _ => Err(future),
        }
    }

    /// Stores a value as if the function had just returned it, and replaces the present entry. The
    /// result of a load that began before is not stored.
    ///
    /// `value` is the value that the function stores: that in its `Ok`, or the whole output if it does
    /// not return a `Result`.
    ///
    /// ```
    /// # use cache_runtime::{CacheCall as _, CacheManager, cached};
    /// #[cached(ttl = "1m")]
    /// async fn balance(account: u64) -> Result<i64, std::io::Error> {
    ///     Ok(0)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let manager = CacheManager::builder().build()?;
    /// # cache_runtime::with(&manager, async {
    /// balance(7).cache_entry().put(100).await?;
    /// assert_eq!(balance(7).await?, 100);
    /// # Ok(())
    /// # }).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [above](CacheEntry#errors). For a value that cannot be stored, [`Error::ValueTooLarge`],
    /// [`Error::Encode`], [`Error::Lossy`], [`Error::Panics`], or [`Error::NotStored`] if `cache_if`,
    /// `cache_none`, `bypass_if` or a `ttl` of zero excludes it, or the function or the whole cache is off. The previous entry is then removed, since it is older
    /// than the value.
    pub async fn put<V>(self, value: V) -> Result<(), Error>
    where
        V: Send + 'static,
        F::Output: StoredAs<V>,
    {
        let CacheEntry { call, addressee, .. } = self;
        ask(call, addressee, || Request::Put(Box::new(value))).await.map(drop)
    }

    async fn output(self, request: Request) -> Result<F::Output, Error> {
        let future = self.not_a_cached_call();
        self.ask(request).await?.0.ok_or(future)
    }

    fn not_a_cached_call(&self) -> Error {
        Error::NotACachedCall { future: std::any::type_name::<F>() }
    }

    async fn ask(self, request: Request) -> Result<RequestOutcome<F::Output>, Error> {
        ask(self.call, self.addressee, || request).await
    }
}

/// An output whose stored part is a `V`.
#[diagnostic::on_unimplemented(
    message = "a function that returns `{Self}` does not store a `{V}`",
    note = "`put` takes the stored value: that in an `Ok`, or the whole output if it is not a `Result`"
)]
pub trait StoredAs<V> {}

#[diagnostic::do_not_recommend]
impl<V: MemoryValue> StoredAs<V> for V {}
impl<V, E> StoredAs<V> for Result<V, E> {}

impl<F> fmt::Debug for CacheEntry<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheEntry").field("call", &self.addressee).finish_non_exhaustive()
    }
}
