//! What becomes of a loaded value, as the spans say it.

use crate::redis::{Away, Filled};

/// Whether a value is stored, and why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
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
    /// Redis is its store, and away.
    Away,
}

impl Fate {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Fate::Stored => "stored",
            Fate::Overtaken => "overtaken",
            Fate::Unfit => "unfit",
            Fate::Alike => "alike",
            Fate::Lossy => "lossy",
            Fate::Unwanted => "unwanted",
            Fate::Away => "away",
        }
    }
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Stored,
    /// Something has come between: whether that is newer is not known.
    Overtaken,
    /// Redis is the store, and away.
    Away,
}

impl From<PutOutcome> for Fate {
    fn from(outcome: PutOutcome) -> Self {
        match outcome {
            PutOutcome::Stored => Fate::Stored,
            PutOutcome::Overtaken => Fate::Overtaken,
            PutOutcome::Away => Fate::Away,
        }
    }
}

impl From<Result<Filled, Away>> for Fate {
    fn from(filled: Result<Filled, Away>) -> Self {
        match filled {
            Ok(Filled::Stored) => Fate::Stored,
            Ok(Filled::Refused | Filled::Outdated) => Fate::Overtaken,
            Err(Away) => Fate::Away,
        }
    }
}
