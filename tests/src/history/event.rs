use serde::{Deserialize, Serialize};

use super::{Datum, Key, Scope};

/// One line of the record of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A read, and what it saw.
    Read(Read),
    /// A change that has returned.
    Change(Change),
    /// An operation that has failed, which none may.
    Failure(Failure),
    /// The state of the process's cache at some moment.
    Watch(Watch),
}

/// The start and the end of something, in microseconds of [`now_us`](super::now_us).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// A moment before its first step.
    pub begin: u64,
    /// A moment after its last step.
    pub end: u64,
}

/// The way in which a read or a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of functions and methods of the cache")]
pub enum How {
    Call,
    /// Through a function of many keys that has the entries of a function of one key.
    CallMany,
    /// Through a function of many keys that has entries of its own.
    CallManyOwn,
    Fetch,
    Peek,
    Refresh,
    Get,
    GetMany,
    GetOrLoad,
    GetOrLoadMany,
    /// Through a function whose value inherits from the values of other functions.
    CallOuter,
    FetchOuter,
    PeekOuter,
    RefreshOuter,
    /// Through one of many keys.
    CallManyOuter,
    CacheInvalidateEntry,
    CacheInvalidateEachEntry,
    CacheInvalidateEachTag,
    CacheInvalidatePrefix,
    CacheInvalidateTag,
    CacheInvalidateOwner,
    CacheInvalidateDropped,
    CacheInvalidateSoftly,
    CachePut,
    EntryInvalidate,
    EntryPut,
    Delete,
    InvalidatePrefix,
    InvalidateTag,
    InvalidateOwner,
    InvalidateSoftly,
    Clear,
    FlushAll,
    Set,
}

impl How {
    /// The reads whose loads are those of many keys. Each of their keys is a read of its own.
    pub const READS_OF_MANY: [How; 3] = [How::CallMany, How::CallManyOwn, How::GetOrLoadMany];

    /// The reads of values that inherit. Each datum in such a value is a read of its own.
    pub const READS_OF_OUTER: [How; 5] =
        [How::CallOuter, How::FetchOuter, How::PeekOuter, How::RefreshOuter, How::CallManyOuter];
}

/// The source of a value, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "those of `cache_runtime::Source`")]
pub enum Origin {
    Memory,
    Redis,
    Load,
    Shared,
    Unknown,
}

/// A read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Read {
    pub how: How,
    pub span: Span,
    pub key: Key,
    pub origin: Origin,
    /// By how many microseconds the clock of the cache was behind when it began: in a process that was
    /// stopped and goes on, what is in memory is looked at by that.
    pub lag: u64,
    /// `None`: there was nothing, or the body had failed.
    pub seen: Option<Datum>,
}

impl Read {
    /// Returns true if it may be given a value that was invalidated softly, or one that was made of such a value.
    pub fn may_be_stale(&self) -> bool {
        let is_direct = matches!(self.how, How::Get | How::GetMany);
        (self.key.may_be_stale() && !is_direct) || How::READS_OF_OUTER.contains(&self.how)
    }
}

/// A change of data, and the invalidation or put that followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// A number that no other change of the history has, and that is not 0.
    pub id: u64,
    /// The way in which the cache was informed.
    pub how: How,
    /// The time of the operation.
    pub span: Span,
    /// Of what.
    pub scope: Scope,
    /// The versions that the database held of the keys in the scope before the cache was told: no
    /// older one may be seen afterwards.
    pub floors: Vec<(Key, u64)>,
    /// A moment at which Redis held it; `None` if that was never seen.
    pub confirmed: Option<u64>,
    /// The microseconds for which functions that may serve stale values may serve older versions; 0 for a hard invalidation.
    #[serde(default)]
    pub soft: u64,
}

/// A failed operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Failure {
    pub operation: String,
    pub span: Span,
    pub what: String,
}

/// The state of a cache. If two consecutive looks found Redis in use and the same number of failures,
/// Redis was in use all the time between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// The time of the look.
    pub span: Span,
    /// `true` if Redis was in use.
    pub healthy: bool,
    /// The number of operations and connections that have failed so far.
    pub troubles: u64,
    /// Everything that Redis held by then has been received, as the cache says.
    pub received_until: Option<u64>,
}
