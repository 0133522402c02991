//! The outcome of storing a loaded value, as spans name it.

use crate::redis::{FillOutcome, Unavailable};

/// The outcome of storing a value, with the reason if it is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOutcome {
    Stored,
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
    /// The body has no value for the key.
    Absent,
    /// Redis is the store of the value, and is unavailable.
    Unavailable,
}

impl StoreOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            StoreOutcome::Stored => "stored",
            StoreOutcome::Overtaken => "overtaken",
            StoreOutcome::Unfit => "unfit",
            StoreOutcome::Alike => "alike",
            StoreOutcome::Lossy => "lossy",
            StoreOutcome::Unwanted => "unwanted",
            StoreOutcome::Absent => "absent",
            StoreOutcome::Unavailable => "unavailable",
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

impl From<PutOutcome> for StoreOutcome {
    fn from(outcome: PutOutcome) -> Self {
        match outcome {
            PutOutcome::Stored => StoreOutcome::Stored,
            PutOutcome::Overtaken => StoreOutcome::Overtaken,
            PutOutcome::Unavailable => StoreOutcome::Unavailable,
        }
    }
}

impl From<&Result<FillOutcome, Unavailable>> for StoreOutcome {
    fn from(filled: &Result<FillOutcome, Unavailable>) -> Self {
        match filled {
            Ok(FillOutcome::Stored) => StoreOutcome::Stored,
            Ok(FillOutcome::Refused | FillOutcome::Outdated) => StoreOutcome::Overtaken,
            Err(_) => StoreOutcome::Unavailable,
        }
    }
}
