//! The errors of the direct API.
//!
//! An annotated function never gets them: if the cache fails, its body runs.

use std::fmt;

/// Says how to mend a value that is lost on its way through Redis.
pub(crate) const REMEDY: &str = "let serde write and read all of the value (`skip`, \
    `skip_serializing`, `untagged`, a `with` or `rename` that reads another form than it writes), which a test \
    with `cache_runtime::assert_round_trip` shows; or keep it in this process with `tier = \"memory\"`";

/// An error of the cache's own interface.
///
/// An outage of Redis is not one of them: the cache goes on without it (see the crate docs).
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
    /// A value takes more memory than there is room for one entry.
    NoRoom {
        /// The name under which it was to be stored.
        name: String,
        /// The bytes that its entry would take in memory.
        weight: usize,
        /// The maximum for an entry: a part of the capacity (`CACHE_MEMORY_CAPACITY`).
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
        /// The message of its `Serialize` or of the codec.
        message: String,
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
    /// A duration that has no meaning here.
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
        message: String,
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
    /// The process's manager was made from the environment at the first use of the cache, before
    /// [`install`](crate::install).
    UsedBeforeInstall,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config { setting, value, expected } => {
                write!(f, "{setting} is {value:?}; expected {expected}")
            }
            Error::Name { what, given, reason } => {
                write!(f, "the {what} {given:?} cannot be used: {reason}")
            }
            Error::ValueTooLarge { name, size, limit } => write!(
                f,
                "the value for {name:?} takes {size} bytes, the limit is {limit} (CACHE_MAX_VALUE_SIZE)"
            ),
            Error::NoRoom { name, weight, room } => write!(
                f,
                "the value for {name:?} takes {weight} bytes in memory, and there is room for {room}; raise CACHE_MEMORY_CAPACITY"
            ),
            Error::TooManyTags { name, given, limit } => write!(
                f,
                "{given} tags were given for {name:?}; an entry has at most {limit}, besides the prefixes of its name"
            ),
            Error::Encode { type_name, message } => {
                write!(f, "a value of type {type_name} cannot be serialised: {message}")
            }
            Error::Lossy { type_name, message } => write!(
                f,
                "a value of type {type_name} would not come back from Redis as it is ({message}); {REMEDY}"
            ),
            Error::Panics { type_name } => write!(
                f,
                "the `Serialize` or `Clone` of type {type_name} panics where a value is to be stored; mend it"
            ),
            Error::Duration { option, given, expected } => {
                write!(f, "{option} is {given}; expected {expected}")
            }
            Error::RedisRequired { url, message } => {
                write!(f, "Redis at {url} is required (CACHE_REQUIRE_REDIS) and cannot be used: {message}")
            }
            Error::NotACachedCall { future } => write!(
                f,
                "`cache_entry` takes the future of a call of a `#[cached]` function, and {future} is not one; a function that merely calls a cached one has no entry of its own; ask the call itself, before it is wrapped"
            ),
            Error::NoEntry { function, reason } => {
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
                "the cache was used before `cache_runtime::install`, and its first use has made this process's manager from the environment; call `install` at the start of the program, before any annotated function and before `cache_runtime::cache`",
            ),
        }
    }
}

impl std::error::Error for Error {}
