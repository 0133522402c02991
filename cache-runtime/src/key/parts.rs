//! The arguments that make up a key.

use std::any::Any;
use std::borrow::{Borrow as _, ToOwned};
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::Serialize;

use super::error::KeyError;
use super::kept::{KeptArgument, KeptArguments, OwnedArgument};
use super::serializer::KeySerializer;
use super::sink::Sink;
use super::tag;

/// The arguments of a call that make up its key: a list of references, `(&a, (&b, ()))`, of which some may
/// be [without serde](HashedPart).
///
/// The list has no header of its own, so a key is its arguments one after the other.
#[allow(private_interfaces, reason = "no code outside calls its methods")]
pub trait KeyParts: Copy {
    /// True if the key keeps copies of arguments.
    const KEEPS: bool;

    /// Feeds every argument, in order, to `sink`.
    ///
    /// # Errors
    /// If an argument's `Serialize` fails, or the sink needs no more.
    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), KeyError>;

    /// Adds copies of the arguments without serde.
    fn keep(&self, kept: &mut KeptArguments);

    /// Returns true if these copies equal the arguments without serde.
    fn are(&self, kept: &[Box<dyn KeptArgument>]) -> bool;
}

#[allow(private_interfaces, reason = "no code outside calls its methods")]
impl KeyParts for () {
    const KEEPS: bool = false;

    #[inline]
    fn feed<S: Sink>(&self, _: &mut S) -> Result<(), KeyError> {
        Ok(())
    }

    fn keep(&self, _: &mut KeptArguments) {}

    fn are(&self, kept: &[Box<dyn KeptArgument>]) -> bool {
        kept.is_empty()
    }
}

#[allow(private_interfaces, reason = "no code outside calls its methods")]
impl<A: Serialize + ?Sized, Rest: KeyParts> KeyParts for (&A, Rest) {
    const KEEPS: bool = Rest::KEEPS;

    // On a hit in the near cache, inlining keeps the sink of a comparison in registers.
    #[inline(always)]
    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), KeyError> {
        self.0.serialize(KeySerializer::new(sink))?;
        self.1.feed(sink)
    }

    fn keep(&self, kept: &mut KeptArguments) {
        self.1.keep(kept);
    }

    fn are(&self, kept: &[Box<dyn KeptArgument>]) -> bool {
        self.1.are(kept)
    }
}

/// An argument that a key is made of by its `Hash` and `Eq`.
pub struct HashedPart<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: ?Sized> Clone for HashedPart<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for HashedPart<'_, T> {}

impl<T: ?Sized> fmt::Debug for HashedPart<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPart")
    }
}

#[allow(private_interfaces, reason = "no code outside calls its methods")]
impl<T, Rest> KeyParts for (HashedPart<'_, T>, Rest)
where
    T: Hash + Eq + ToOwned<Owned: Send + Sync> + ?Sized + 'static,
    Rest: KeyParts,
{
    const KEEPS: bool = true;

    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), KeyError> {
        sink.tag(tag::HASHED)?;
        let mut feeding = Feeding { sink, fed: Ok(()) };
        self.0.0.hash(&mut feeding);
        feeding.fed?;
        self.1.feed(sink)
    }

    fn keep(&self, kept: &mut KeptArguments) {
        kept.push(Box::new(OwnedArgument::<T>(self.0.0.to_owned())));
        self.1.keep(kept);
    }

    fn are(&self, kept: &[Box<dyn KeptArgument>]) -> bool {
        let Some((first, rest)) = kept.split_first() else { return false };
        let first: &dyn Any = &**first;
        first.downcast_ref::<OwnedArgument<T>>().is_some_and(|first| first.0.borrow() == self.0.0)
            && self.1.are(rest)
    }
}

/// Feeds the `Hash` of a value to a sink.
struct Feeding<'a, S> {
    sink: &'a mut S,
    /// The first error of the sink: a `Hash` cannot return it.
    fed: Result<(), KeyError>,
}

impl<S: Sink> Hasher for Feeding<'_, S> {
    fn write(&mut self, bytes: &[u8]) {
        if self.fed.is_ok() {
            self.fed = self.sink.part(bytes);
        }
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;
    use crate::key::{encode, hash_parts, matches};

    /// An argument whose `Hash` does not tell all values apart.
    #[derive(Clone, PartialEq, Eq)]
    struct Coarse(u64, u64);

    impl Hash for Coarse {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn arguments_of_one_hash_have_different_keys() {
        let (a, b) = (Coarse(1, 1), Coarse(1, 2));
        fn parts(coarse: &Coarse) -> impl KeyParts {
            (HashedPart(coarse), (&7_u64, ()))
        }
        let (of_a, of_b) = (encode(&parts(&a)).unwrap(), encode(&parts(&b)).unwrap());
        assert_eq!(of_a[..], of_b[..]);
        assert_ne!(of_a, of_b);
        assert_eq!(of_a, encode(&parts(&a.clone())).unwrap());
        let hash = |coarse| hash_parts(&parts(coarse), 3).unwrap();
        assert_eq!(hash(&a), hash(&b));
        assert!(matches(&parts(&a), &of_a));
        assert!(!matches(&parts(&b), &of_a));
    }

    #[test]
    fn the_other_arguments_count_as_well() {
        let a = Coarse(1, 1);
        let parts = |n| (HashedPart(&a), (n, (HashedPart("text"), ())));
        let key = encode(&parts(&7_u64)).unwrap();
        assert!(matches(&parts(&7), &key));
        assert!(!matches(&parts(&8), &key));
        assert!(!matches(&(HashedPart(&a), (&7_u64, (HashedPart("texts"), ()))), &key));
        assert!(!matches(&(HashedPart(&a), (&7_u64, ())), &key));
    }

    #[test]
    fn a_key_of_serde_alone_keeps_nothing() {
        let key = encode(&(&7_u64, (&"text", ()))).unwrap();
        assert!(key.kept().is_empty());
        assert!(!matches(&(HashedPart(&7_u64), ()), &key));
    }
}
