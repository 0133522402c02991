//! The errors of the direct API.
//!
//! An annotated function never gets them: if the cache fails, its body runs.

mod codec;
mod shed;

use std::fmt;

pub use codec::CodecError;
pub use shed::Shed;

/// The advice for a value that would not survive a round trip through Redis.
pub(crate) const REMEDY: &str = "let serde write and read all of the value (causes: `skip`, \
    `skip_serializing`, `untagged`, a `with` or `rename` that reads another form than it writes), and test it \
    with `cache_runtime::assert_round_trip`; or keep it in this process with `tier = \"memory\"`";

/// An error of the cache's own interface.
///
/// An outage of Redis is not an error: the cache continues in memory (see the crate docs).
///
/// `Display` says what cannot be used, and what is accepted. An error of something else that caused it is its
/// [`source`](std::error::Error::source) and not repeated in the text. So a report that walks the chain, such
/// as `{:#}` of `anyhow`, names each cause once. The alternate form `{:#}` of this type does the same: it
/// adds the causes, separated by `: `. Use it where only the text is kept, as in a log.
///
/// A chain ends in the original error if there is one: a [`std::io::Error`], an error of the Redis client or
/// of TLS, or a [`CodecError`](crate::CodecError).
///
/// ```
/// use std::error::Error as _;
/// use cache_runtime::{CacheConfig, CacheManager, Mode};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // No server listens there.
/// let config = CacheConfig::default().mode(Mode::Redis).redis_url("redis://127.0.0.1:1").require_redis(true);
/// let error = CacheManager::connect(config).await.unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "Redis at redis://127.0.0.1:1 is required (CACHE_REQUIRE_REDIS) and cannot be used"
/// );
/// assert!(error.source().unwrap().source().unwrap().is::<std::io::Error>());
/// assert!(format!("{error:#}").contains("no server listens at the address"));
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value cannot be used.
    Config {
        /// The setting as the user wrote it: an environment variable or a builder method.
        setting: String,
        /// The value found. A secret is masked.
        value: String,
        /// The accepted values.
        expected: String,
        /// The error behind it, for example of reading a file; `None` if the cache itself found the setting
        /// unusable.
        source: Option<Cause>,
    },
    /// A name, prefix, tag or pattern cannot be used.
    Name {
        /// The kind of the text: `"name"`, `"prefix"`, `"tag"` or `"pattern"`.
        what: &'static str,
        /// The text found.
        given: String,
        /// The reason, and the accepted forms.
        reason: &'static str,
    },
    /// A value is larger than the configured limit.
    ValueTooLarge {
        /// The name under which it was to be stored.
        name: String,
        /// Its encoded size in bytes.
        size: usize,
        /// The limit in bytes (`CACHE_MAX_VALUE_SIZE`).
        limit: usize,
    },
    /// A value takes more memory than one entry may take.
    NoRoom {
        /// The name under which it was to be stored.
        name: String,
        /// The bytes that its entry would take in memory.
        weight: usize,
        /// The maximum for an entry: a part of the capacity (`CACHE_MEMORY_CAPACITY`), or of the `max_memory` of
        /// its function.
        room: usize,
    },
    /// A value was given more tags than an entry may have.
    TooManyTags {
        /// The name under which it was to be stored.
        name: String,
        /// The number of given tags.
        given: usize,
        /// The maximum: 128, besides the prefixes of the name.
        limit: usize,
    },
    /// A value or an argument cannot be serialised.
    Encode {
        /// The type that failed.
        type_name: &'static str,
        /// The error of each codec that was tried.
        source: CodecError,
    },
    /// Redis would not return the value unchanged.
    Lossy {
        /// Its type.
        type_name: &'static str,
        /// The result of each codec.
        message: String,
    },
    /// A value is not stored, since the code of its type panics.
    Panics {
        /// Its type.
        type_name: &'static str,
    },
    /// A duration is out of range.
    Duration {
        /// The option.
        option: &'static str,
        /// The value found.
        given: String,
        /// The accepted values.
        expected: &'static str,
    },
    /// Redis is required by the configuration and could not be reached.
    RedisRequired {
        /// The address, with secrets masked.
        url: String,
        /// The error of the last attempt.
        source: Cause,
    },
    /// [`cache_entry`](crate::CacheCall::cache_entry) was called on a future that is not that of an
    /// annotated function.
    NotACachedCall {
        /// The type of the future.
        future: &'static str,
    },
    /// A call has no entry: its key cannot be made.
    NoEntry {
        /// The annotated function.
        function: &'static str,
        /// The reason.
        reason: String,
        /// The error of a `Serialize`, if that is the reason.
        source: Option<Cause>,
    },
    /// A value is not one that its function stores.
    NotStored {
        /// The annotated function.
        function: &'static str,
        /// The reason, and the effect on the entry.
        reason: &'static str,
    },
    /// No cached value is available, and loading was excluded:
    /// [`only_if_cached`](crate::CacheEntry::only_if_cached).
    NotCached {
        /// The annotated function.
        function: &'static str,
    },
    /// There is no `#[cached]` function of this name in the program.
    UnknownFunction {
        /// The name found.
        function: String,
    },
    /// A manager has already been installed for this process.
    AlreadyInstalled,
    /// The process's manager was created from the environment at the first use of the cache, before
    /// [`install`](crate::install).
    UsedBeforeInstall,
}

/// The cause of an [`Error`].
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Config { source, .. } | Error::NoEntry { source, .. } => {
                source.as_ref().map(|source| &**source as _)
            }
            Error::RedisRequired { source, .. } => Some(&**source),
            Error::Encode { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f.write_str(&with_causes(self));
        }
        match self {
            Error::Config { setting, value, expected, .. } => {
                write!(f, "{setting} is {value:?}; expected {expected}")
            }
            Error::Name { what, given, reason } => {
                write!(f, "the {what} {given:?} cannot be used: {reason}")
            }
            Error::ValueTooLarge { name, size, limit } => write!(
                f,
                "the value for {name:?} takes {size} bytes; the limit is {limit} (CACHE_MAX_VALUE_SIZE)"
            ),
            Error::NoRoom { name, weight, room } => write!(
                f,
                "the value for {name:?} takes {weight} bytes in memory, but an entry may take at most {room}; raise CACHE_MEMORY_CAPACITY, or the `max_memory` of its function"
            ),
            Error::TooManyTags { name, given, limit } => write!(
                f,
                "{given} tags were given for {name:?}; an entry has at most {limit}, besides the prefixes of its name"
            ),
            Error::Encode { type_name, .. } => {
                write!(f, "a value of type {type_name} cannot be serialised")
            }
            Error::Lossy { type_name, message } => write!(
                f,
                "Redis would not return a value of type {type_name} unchanged ({message}); {REMEDY}"
            ),
            Error::Panics { type_name } => write!(
                f,
                "a value of type {type_name} is not stored, because its `Serialize` or `Clone` panics; fix it"
            ),
            Error::Duration { option, given, expected } => {
                write!(f, "{option} is {given}; expected {expected}")
            }
            Error::RedisRequired { url, .. } => {
                write!(f, "Redis at {url} is required (CACHE_REQUIRE_REDIS) and cannot be used")
            }
            Error::NotACachedCall { future } => write!(
                f,
                "`cache_entry` works on the future of a call of a `#[cached]` function, and {future} is not one; a function that only calls a cached one has no entry; use `cache_entry` on the cached call itself, before it is wrapped"
            ),
            Error::NoEntry { function, reason, .. } => {
                write!(f, "this call of {function} has no entry: {reason}")
            }
            Error::NotStored { function, reason } => {
                write!(f, "{function} does not store this value: {reason}")
            }
            Error::NotCached { function } => {
                write!(f, "no cached value is available for this call of {function}")
            }
            Error::UnknownFunction { function } => write!(
                f,
                "there is no `#[cached]` function {function:?}; expected a `path` of the registry or a `name` of the statistics, such as \"shop::videos::get_video\""
            ),
            Error::AlreadyInstalled => {
                f.write_str("a cache manager is already installed in this process; use `cache_runtime::with` for a second one")
            }
            Error::UsedBeforeInstall => f.write_str(
                "the cache was used before `cache_runtime::install`, and its first use created the manager of this process from the environment; call `install` at the start of the program, before any annotated function and before `cache_runtime::cache`",
            ),
        }
    }
}

/// Returns the text of an error and of its causes, separated by `: `.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
