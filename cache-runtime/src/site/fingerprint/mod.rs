//! Fingerprints of arguments: they distinguish arguments that serialise alike.
//!
//! A key is made of the output of serde. With an untagged enum or a skipped field, two different arguments
//! may have one key, which no serializer can detect. So generated code makes a second digest of the
//! arguments, of their `Hash` or else of their `Debug`, and the entry in Redis carries it. It is an alarm and
//! not a part of the key: a `Hash` may change with a release of the program, and this must not empty the
//! cache.

mod alarm;
mod hasher;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::hash::Hash;

pub(crate) use alarm::Alarm;

/// The fingerprint of a call's arguments while it is made.
#[derive(Debug, Default)]
pub struct Fingerprint {
    sum: u64,
    place: u64,
}

impl Fingerprint {
    /// Returns the fingerprint of no arguments.
    pub fn new() -> Self {
        Fingerprint::default()
    }

    /// Adds the digest of the next argument; `None` if it has neither `Hash` nor `Debug`.
    pub fn add(&mut self, argument: Option<u64>) {
        self.place += 1;
        if let Some(argument) = argument {
            self.sum = self.sum.rotate_left(23) ^ hasher::hash(&(self.place, argument));
        }
    }

    /// Returns the number; 0 if no argument has a digest.
    pub fn finish(self) -> u64 {
        self.sum
    }
}

/// An argument whose fingerprint is requested. Method look-up chooses among the traits of its type: see
/// `probe`.
#[derive(Debug)]
pub struct Argument<'a, T: ?Sized>(pub &'a T);

/// Generated code calls through `&&&Argument`, so the first trait that applies is taken.
pub(crate) mod probe {
    use super::{Argument, Hash, fmt, hasher, text};

    /// Taken by method look-up if the type has `Hash`.
    pub trait ProbeHash {
        /// Returns the fingerprint.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: Hash + ?Sized> ProbeHash for &&Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            Some(hasher::hash(self.0))
        }
    }

    /// Taken by method look-up if the type has `Debug`, but no `Hash`.
    pub trait ProbeDebug {
        /// Returns the fingerprint.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: fmt::Debug + ?Sized> ProbeDebug for &Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            text::digest(&self.0)
        }
    }

    /// Taken by method look-up if the type has neither.
    pub trait ProbeNeither {
        /// Returns `None`.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: ?Sized> ProbeNeither for Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            None
        }
    }
}
