//! Acting on one call of a function that is not async.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::request::FetchOptions;
use super::{CacheCall as _, CacheEntry, Fetched, StoredAs};
use crate::error::Error;
use crate::output::EntryCall;
use crate::support::blocking::block_on;

/// The entry of one call of a `#[cached]` function that is not async.
///
/// The function that the option [`entry_fn`](crate::options#entry_fn) names returns it.
/// It takes the arguments of the call, and calls nothing. The methods are those of
/// [`CacheEntry`](crate::CacheEntry), without `await`. The option `entry` of `#[cache_invalidate]` takes it, too.
///
/// ```
/// use cache_runtime::cached;
///
/// #[cached(ttl = "1h", entry_fn = word_count_entry)]
/// fn word_count(text: &str) -> usize {
///     text.split_whitespace().count()
/// }
///
/// # fn main() -> Result<(), cache_runtime::Error> {
/// assert_eq!(word_count_entry("to be or").peek()?, None);
/// assert_eq!(word_count("to be or"), 3);
/// assert_eq!(word_count_entry("to be or").peek()?, Some(3));
///
/// word_count_entry("to be or").put(4)?;
/// assert_eq!(word_count("to be or"), 4);
///
/// word_count_entry("to be or").invalidate()?;
/// assert_eq!(word_count("to be or"), 3);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A method fails with [`Error::NoEntry`] if the key cannot be made, for example because an argument cannot be
/// serialised. An outage of Redis is not an error.
///
/// # Blocking
///
/// [`fetch`](BlockingEntry::fetch), [`refresh`](BlockingEntry::refresh) and [`bypass`](BlockingEntry::bypass) run the
/// body on this thread, or wait for another thread that runs it. [`put`](BlockingEntry::put) waits for Redis only if the
/// value is refused, for the removal of the previous entry.
#[must_use = "a handle does nothing until one of its methods is called"]
pub struct BlockingEntry<F> {
    call: F,
    options: FetchOptions,
}

/// Returns the entry of a call. For generated code.
#[inline]
pub fn blocking_entry<F: Future>(call: F) -> BlockingEntry<F> {
    BlockingEntry { call, options: FetchOptions::default() }
}

/// Makes the call. For generated code.
#[inline]
pub fn call_blocking<F: Future>(entry: BlockingEntry<F>) -> F::Output {
    block_on(entry.call)
}

impl<F: Future> BlockingEntry<F> {
    /// Makes [`fetch`](BlockingEntry::fetch) and [`peek`](BlockingEntry::peek) ignore a stored value of this age
    /// or older. `fetch` then loads.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = Some(age);
        self
    }

    /// Makes [`fetch`](BlockingEntry::fetch) return [`Error::NotCached`] instead of loading. Unlike
    /// [`peek`](BlockingEntry::peek), the call is counted, and a stale value is returned if it may be
    /// served during a refresh. The refresh is not started.
    pub fn only_if_cached(mut self) -> Self {
        self.options.only_if_cached = true;
        self
    }

    /// Returns the name of the entry, as [`CacheManager`](crate::CacheManager) takes it.
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors).
    pub fn name(self) -> Result<String, Error> {
        self.entry().name()
    }

    /// Returns the stored value if it is fresh, and never loads. For a function that returns a
    /// `Result`, the value is `Some(Ok(..))`. The call is not counted in the statistics.
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors).
    pub fn peek(self) -> Result<Option<F::Output>, Error> {
        block_on(self.entry().peek())
    }

    /// Makes the ordinary call, and also returns the source of its output. [`value`](Fetched::value) is
    /// the whole output.
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors). The output of the body is in [`Fetched::value`].
    pub fn fetch(self) -> Result<Fetched<F::Output>, Error> {
        block_on(self.entry().fetch())
    }

    /// Loads now, even if a fresh value is stored; stores the output and returns it. Until then, other
    /// callers get the stored value. For the rules about concurrent changes, see
    /// [`CacheEntry::refresh`](crate::CacheEntry::refresh).
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors). The output of the body is in the `Ok`: for a function that
    /// returns a `Result`, write `.refresh()??`.
    pub fn refresh(self) -> Result<F::Output, Error> {
        block_on(self.entry().refresh())
    }

    /// Runs the function without the cache: nothing is read, stored or shared.
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors). The output of the body is in the `Ok`.
    pub fn bypass(self) -> Result<F::Output, Error> {
        block_on(self.entry().bypass())
    }

    /// Stores a value as if the function had just returned it, and replaces the present entry. The
    /// result of a load that began before is not stored.
    ///
    /// `value` is the value that the function stores: that in its `Ok`, or the whole output if it does
    /// not return a `Result`.
    ///
    /// # Errors
    /// As [`CacheEntry::put`](crate::CacheEntry::put).
    pub fn put<V>(self, value: V) -> Result<(), Error>
    where
        V: Send + 'static,
        F::Output: StoredAs<V>,
    {
        block_on(self.entry().put(value))
    }

    /// Removes the entry, and prevents running loads from storing one. When this returns, every later
    /// call with the same arguments in this process loads.
    ///
    /// Other processes receive the invalidation through Redis, for which this does not wait: it is sent in the
    /// background, and again until Redis has confirmed it. Before the program ends, call
    /// [`disconnect_blocking`](crate::CacheManager::disconnect_blocking).
    ///
    /// # Errors
    /// See [above](BlockingEntry#errors).
    pub fn invalidate(self) -> Result<(), Error> {
        block_on(async { self.entry().invalidate_in_background() })
    }

    fn entry(self) -> CacheEntry<F> {
        let BlockingEntry { call, options } = self;
        CacheEntry { options, ..call.cache_entry() }
    }
}

impl<F> fmt::Debug for BlockingEntry<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingEntry").finish_non_exhaustive()
    }
}

impl<F: Future> EntryCall for BlockingEntry<F> {
    type Call = F;

    fn into_call(self) -> F {
        self.call
    }
}
