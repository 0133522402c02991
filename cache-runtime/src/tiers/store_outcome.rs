//! The outcome of storing a loaded value, as the spans say it.

use crate::redis::{FillOutcome, Unavailable};

/// Tells whether a value is stored, and if not, for which reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOutcome {
    Stored,
    /// An invalidation, another load or a put came first.
    Overtaken,
    /// It is over the size limit.
    Unfit,
    /// Other arguments have the same key.
    Alike,
    /// It would not come back as it is.
    Lossy,
    /// The function's options say so.
    Unwanted,
    /// Redis is its store, and unavailable.
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
            StoreOutcome::Unavailable => "unavailable",
        }
    }
}

/// The outcome of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Stored,
    /// Something has come between: whether that is newer is not known.
    Overtaken,
    /// Redis is the store, and unavailable.
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
