//! Fingerprints of arguments: what tells two apart that serialise alike.
//!
//! A key is made of what serde writes. An untagged enum or a skipped field makes two different arguments one
//! key, which no serializer can see. So generated code makes a second digest of them, of their `Hash` or else
//! their `Debug`, and the entry in Redis carries it. It is an alarm, not a part of the key: a `Hash`
//! may change with a release of the program, and must not make the cache cold.

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
    /// Of no argument.
    pub fn new() -> Self {
        Fingerprint::default()
    }

    /// Adds what a probe says of the next argument: nothing, if it has neither `Hash` nor `Debug`.
    pub fn add(&mut self, argument: Option<u64>) {
        self.place += 1;
        if let Some(argument) = argument {
            self.sum = self.sum.rotate_left(23) ^ hasher::hash(&(self.place, argument));
        }
    }

    /// The number; 0 if nothing is known of any argument.
    pub fn finish(self) -> u64 {
        self.sum
    }
}

/// An argument whose fingerprint is wanted. Method look-up finds what its type has: see `probe`.
#[derive(Debug)]
pub struct Argument<'a, T: ?Sized>(pub &'a T);

/// Generated code calls through `&&&Argument`, so the first trait that applies is taken.
pub(crate) mod probe {
    use super::{Argument, Hash, fmt, hasher, text};

    /// The type has `Hash`.
    pub trait ProbeHash {
        /// Its fingerprint.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: Hash + ?Sized> ProbeHash for &&Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            Some(hasher::hash(self.0))
        }
    }

    /// It has no `Hash`, but `Debug`.
    pub trait ProbeDebug {
        /// Its fingerprint.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: fmt::Debug + ?Sized> ProbeDebug for &Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            text::digest(&self.0)
        }
    }

    /// It has neither.
    pub trait ProbeNeither {
        /// Nothing.
        fn __cache_fingerprint(&self) -> Option<u64>;
    }

    impl<T: ?Sized> ProbeNeither for Argument<'_, T> {
        fn __cache_fingerprint(&self) -> Option<u64> {
            None
        }
    }
}
