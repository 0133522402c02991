//! The outcome of storing a loaded value, as spans name it.

use crate::config::Ttl;
use crate::redis::{FillOutcome, Unavailable};

/// The outcome of storing a value, with the reason if it is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOutcome {
    /// With this TTL.
    Stored(Ttl),
    /// An invalidation, another load or a put came first.
    Overtaken,
    /// The value is over the size limit.
    Unfit,
    /// Other arguments have the same key.
    Alike,
    /// Redis would not return the value unchanged.
    Lossy,
    /// The options of the function exclude it.
    Unwanted,
    /// The function inherits the dependencies of inner calls, and not all of them are known.
    Untraced,
    /// The value may contain a row that is not committed.
    Uncommitted,
    /// The body has no value for the key.
    Absent,
    /// Redis is the store of the value, and is unavailable.
    Unavailable,
}

impl StoreOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            StoreOutcome::Stored(_) => "stored",
            StoreOutcome::Overtaken => "overtaken",
            StoreOutcome::Unfit => "unfit",
            StoreOutcome::Alike => "alike",
            StoreOutcome::Lossy => "lossy",
            StoreOutcome::Unwanted => "unwanted",
            StoreOutcome::Untraced => "untraced",
            StoreOutcome::Uncommitted => "uncommitted",
            StoreOutcome::Absent => "absent",
            StoreOutcome::Unavailable => "unavailable",
        }
    }

    /// Returns the TTL with which the value is stored, if it is.
    pub(crate) fn ttl(self) -> Option<Ttl> {
        match self {
            StoreOutcome::Stored(ttl) => Some(ttl),
            _ => None,
        }
    }

    /// Returns the outcome of a fill with a value of this TTL.
    pub(crate) fn of_fill(filled: &Result<FillOutcome, Unavailable>, ttl: Ttl) -> Self {
        match filled {
            Ok(FillOutcome::Stored) => StoreOutcome::Stored(ttl),
            Ok(FillOutcome::Refused | FillOutcome::Outdated) => StoreOutcome::Overtaken,
            Err(_) => StoreOutcome::Unavailable,
        }
    }

    /// Returns the outcome of a put of a value of this TTL.
    pub(crate) fn of_put(outcome: PutOutcome, ttl: Ttl) -> Self {
        match outcome {
            PutOutcome::Stored => StoreOutcome::Stored(ttl),
            PutOutcome::Overtaken => StoreOutcome::Overtaken,
            PutOutcome::Unavailable => StoreOutcome::Unavailable,
        }
    }
}

/// The outcome of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Stored,
    /// The entry has changed meanwhile. It is unknown which of the two values is newer.
    Overtaken,
    /// Redis is the store, and is unavailable.
    Unavailable,
}
