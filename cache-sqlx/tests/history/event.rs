//! The lines of a record.

use cache_tests::history::{Origin, Span};
use serde::{Deserialize, Serialize};

use crate::item::{Item, Written, rows_of_page, shelf_of};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Read(Read),
    Ended(Ended),
    /// By `at`, this process has received each invalidation that Redis had by `until`.
    Received {
        at: u64,
        until: u64,
    },
    /// This has happened so often.
    Count(Fact, u64),
    /// An operation has failed in a way that none may.
    Failure(String),
}

/// The function through which a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum How {
    /// By its key.
    Item,
    /// By its key, with the tag of its owner.
    Owned,
    /// By many keys.
    Each,
    /// As a part of a page, which inherits.
    Page,
    /// Through the entry of a function that changes the row in the transaction around it.
    Made,
    /// Through the entry of a function that changes the row in a transaction of its own, and rolls it back.
    Attempt,
    /// The same functions in the scope of a transaction.
    ItemScoped,
    OwnedScoped,
    EachScoped,
    PageScoped,
    MadeScoped,
    /// In a transaction, by a function with `within`.
    ItemWithin,
    PageWithin,
    /// In a savepoint, in the scope of the transaction around it.
    ScopedOutside,
    /// Inside of a `deferred` future.
    Deferred,
}

impl How {
    pub const ALL: [How; 15] = [
        How::Item,
        How::Owned,
        How::Each,
        How::Page,
        How::Made,
        How::Attempt,
        How::ItemScoped,
        How::OwnedScoped,
        How::EachScoped,
        How::PageScoped,
        How::MadeScoped,
        How::ItemWithin,
        How::PageWithin,
        How::ScopedOutside,
        How::Deferred,
    ];

    /// Returns true if the row is a part of a page.
    pub fn is_of_page(self) -> bool {
        matches!(self, How::Page | How::PageScoped | How::PageWithin)
    }
}

/// A read of one row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    pub how: How,
    pub span: Span,
    pub origin: Origin,
    /// The moment whose rows it must see: its own beginning, or that of the transaction if that reads from a snapshot.
    pub from: u64,
    /// The lag of the clock of the cache when it began, in microseconds.
    pub lag: u64,
    pub seen: Item,
    /// The row, if the transaction around the read has written it.
    pub own: Option<Item>,
}

impl Read {
    /// Returns true if the value may be known by the tag of its owner alone.
    pub fn is_by_owner(&self) -> bool {
        let [_, owned, _] = rows_of_page(shelf_of(self.seen.id));
        matches!(self.how, How::Owned | How::OwnedScoped | How::Deferred)
            || self.how.is_of_page() && owned == self.seen.id
    }
}

/// The end of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub writer: i64,
    /// The time of its last step.
    pub span: Span,
    pub outcome: Outcome,
    /// The rows that it has written, as they were at the end.
    pub written: Vec<Written>,
    /// A moment at which Redis held the invalidations; `None` if that was never seen.
    pub confirmed: Option<u64>,
}

/// The outcome of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    Committed,
    RolledBack,
    Unknown,
}

/// An operation that a history has to contain, besides all kinds of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fact {
    Operations,
    ChangedByPrefix,
    ChangedByEntry,
    ChangedByTag,
    ChangedByShelf,
    ChangedByPut,
    ChangedDirectly,
    ChangedInLoad,
    /// By a function that has failed afterwards, so that it invalidates nothing.
    ChangedAndRefused,
    /// By a function that has read the row again before its end.
    ReadInChange,
    ChangedDeferred,
    /// A load that ran beside the change has seen the row before the commit.
    ReadBesideChange,
    AttemptRolledBack,
    Commit,
    CommitWithOutbox,
    CommitOfSnapshot,
    CommitOfDeferred,
    CommitDropped,
    CommitFailed,
    Rollback,
    Drop,
    SavepointReleased,
    SavepointRolledBack,
    SavepointDropped,
    SerializationFailure,
    Retry,
    LateRead,
}

impl Fact {
    /// Those that every history must contain.
    pub const NEEDED: [Fact; 24] = [
        Fact::ChangedByPrefix,
        Fact::ChangedByEntry,
        Fact::ChangedByTag,
        Fact::ChangedByShelf,
        Fact::ChangedByPut,
        Fact::ChangedDirectly,
        Fact::ChangedInLoad,
        Fact::ChangedAndRefused,
        Fact::ReadInChange,
        Fact::ChangedDeferred,
        Fact::ReadBesideChange,
        Fact::AttemptRolledBack,
        Fact::CommitWithOutbox,
        Fact::CommitOfSnapshot,
        Fact::CommitOfDeferred,
        Fact::CommitDropped,
        Fact::Rollback,
        Fact::Drop,
        Fact::SavepointReleased,
        Fact::SavepointRolledBack,
        Fact::SavepointDropped,
        Fact::SerializationFailure,
        Fact::Retry,
        Fact::LateRead,
    ];
}
