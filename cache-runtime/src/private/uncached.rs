//! The reason for which a call has no entry.

use std::error::Error as StdError;
use std::fmt;

use crate::Ttl;
use crate::error;
use crate::error::Error;
use crate::key::KeyError;
use crate::stats::seldom::Reason;

const KEY_PANICS: &str = "the `Serialize` or `Display` of a value in its key panics; fix it, or leave the value out of the key";
const FINGERPRINT_PANICS: &str =
    "the `Hash` or `Debug` of an argument panics; fix it, or write a `key`";

/// The reason for which a call has no entry, and is not cached.
#[derive(Debug)]
pub(super) enum Uncached {
    /// The output hides a `Result`, whose errors would be stored.
    HiddenResult,
    /// An argument cannot be part of a key.
    Key(KeyError),
    /// The `Display` of a value in the key template failed.
    KeyDisplay,
    /// The code of an argument's type panicked while the key was made.
    KeyPanics,
    /// The code of an argument's type panicked while its fingerprint was made.
    FingerprintPanics,
    /// The `Display` of a value in a tag failed.
    TagDisplay,
    /// The expression of a tag panicked.
    TagPanics,
    /// The text of an expression cannot be a tag, for this reason.
    Tag(String),
    /// The expression of an option gave a duration that is out of range.
    Ttl { option: &'static str, given: Ttl },
    /// The expression of an option panicked.
    TtlPanics { option: &'static str },
}

impl Uncached {
    /// Returns the kind of the log line.
    pub(super) fn kind(&self) -> Reason {
        match self {
            Uncached::HiddenResult => Reason::Output,
            Uncached::Key(_) | Uncached::KeyDisplay | Uncached::KeyPanics => Reason::Key,
            Uncached::FingerprintPanics => Reason::Fingerprint,
            Uncached::TagDisplay | Uncached::Tag(_) => Reason::Tags,
            Uncached::TagPanics => Reason::Panics("tags"),
            Uncached::Ttl { option, .. } => Reason::Ttl(option),
            Uncached::TtlPanics { option } => Reason::Panics(option),
        }
    }

    /// Returns the error for a caller who requested the entry of this function.
    pub(super) fn into_error(self, function: &'static str) -> Error {
        let reason = self.to_string();
        let source = match self {
            Uncached::Key(error) => Some(error::Cause::from(error)),
            _ => None,
        };
        Error::NoEntry { function, reason, source }
    }
}

impl StdError for Uncached {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Uncached::Key(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uncached::HiddenResult => f.write_str(
                "its signature hides that it returns a `Result`; write `output = \"result\"` (or \"plain\", to \
                 store errors as well)",
            ),
            Uncached::Key(_) => f.write_str("an argument cannot be part of its key"),
            Uncached::KeyDisplay => f.write_str("the `Display` of a value in its key failed"),
            Uncached::KeyPanics => f.write_str(KEY_PANICS),
            Uncached::FingerprintPanics => f.write_str(FINGERPRINT_PANICS),
            Uncached::TagDisplay => f.write_str("the `Display` of a value in a tag failed"),
            Uncached::TagPanics => f.write_str("an expression in its `tags` panics; fix it"),
            Uncached::Tag(fault) => f.write_str(fault),
            Uncached::TtlPanics { option } => {
                write!(f, "its `{option}` expression panics; fix it")
            }
            Uncached::Ttl { option, given } => {
                write!(f, "its `{option}` expression returned {given}; expected 1ms to 100 years")
            }
        }
    }
}
