//! A check that an argument can be part of the key, with the message of the compiler if it cannot.
//!
//! As with [values](super::storable), method look-up finds the result. So one argument causes one error, and
//! its text is that of the cache even for `Option<&Pool>`.

use std::borrow::ToOwned;
use std::fmt;
use std::hash::Hash;

use serde::Serialize;

use crate::key::HashedPart;

/// Finds, by method look-up, whether an argument can be a part of a key.
pub struct AskedPart<'a, A: ?Sized>(&'a A);

/// Begins the check that this can be part of a key.
#[inline]
pub fn probe_part<A: ?Sized>(part: &A) -> AskedPart<'_, A> {
    AskedPart(part)
}

/// Taken by method look-up, which begins at `&&AskedPart<A>`.
pub trait ProbePart {
    /// The result of the check of the part.
    type Answer;
    /// Returns the result.
    fn __cache_part(&self) -> Self::Answer;
}

impl<'a, A: Serialize + ?Sized> ProbePart for &AskedPart<'a, A> {
    type Answer = Part<'a, A>;
    #[inline]
    fn __cache_part(&self) -> Part<'a, A> {
        Part(self.0)
    }
}

impl<'a, A: ?Sized> ProbePart for AskedPart<'a, A> {
    type Answer = NoPart<'a, A>;
    fn __cache_part(&self) -> NoPart<'a, A> {
        NoPart(self.0)
    }
}

/// Taken by method look-up for a function with `tier = "memory"`, which begins at `&&&&AskedPart<A>`: the
/// first that is implemented. An argument without serde is then a part of the key by its `Hash` and `Eq`.
pub trait ProbeMemoryPart {
    /// The result of the check of the part.
    type Answer;
    /// Returns the result.
    fn __cache_memory_part(&self) -> Self::Answer;
}

impl<'a, A: Serialize + ?Sized> ProbeMemoryPart for &&&AskedPart<'a, A> {
    type Answer = Part<'a, A>;
    #[inline]
    fn __cache_memory_part(&self) -> Part<'a, A> {
        Part(self.0)
    }
}

impl<'b, A> ProbeMemoryPart for &&AskedPart<'_, &'b A>
where
    A: Hash + Eq + ToOwned<Owned: Send + Sync> + ?Sized + 'static,
{
    type Answer = HashedPart<'b, A>;
    #[inline]
    fn __cache_memory_part(&self) -> HashedPart<'b, A> {
        HashedPart(self.0)
    }
}

impl<'a, A> ProbeMemoryPart for &AskedPart<'a, A>
where
    A: Hash + Eq + ToOwned<Owned: Send + Sync> + ?Sized + 'static,
{
    type Answer = HashedPart<'a, A>;
    #[inline]
    fn __cache_memory_part(&self) -> HashedPart<'a, A> {
        HashedPart(self.0)
    }
}

impl<'a, A: ?Sized> ProbeMemoryPart for AskedPart<'a, A> {
    type Answer = NoHashedPart<'a, A>;
    fn __cache_memory_part(&self) -> NoHashedPart<'a, A> {
        NoHashedPart(self.0)
    }
}

/// An argument that can be part of a key.
pub struct Part<'a, A: ?Sized>(&'a A);

/// An argument that cannot be part of a key.
pub struct NoPart<'a, A: ?Sized>(&'a A);

/// An argument that cannot be part of a key in memory.
pub struct NoHashedPart<'a, A: ?Sized>(&'a A);

/// Returns an argument as a part of the key.
#[inline]
pub fn argument<P: ArgumentPart>(part: P) -> P::Part {
    part.part()
}

/// Returns the value of `key` as a part of the key.
#[inline]
pub fn key_value<P: ValuePart>(part: P) -> P::Part {
    part.part()
}

/// The result of the check of an argument.
pub trait ArgumentPart {
    /// A reference to the argument.
    type Part;
    /// Returns the reference.
    fn part(self) -> Self::Part;
}

/// The result of the check of the value of `key`.
pub trait ValuePart {
    /// A reference to the value.
    type Part;
    /// Returns the reference.
    fn part(self) -> Self::Part;
}

impl<'a, A: ?Sized> ArgumentPart for Part<'a, A> {
    type Part = &'a A;
    #[inline]
    fn part(self) -> &'a A {
        self.0
    }
}

impl<'a, A: KeyArgument + ?Sized> ArgumentPart for NoPart<'a, A> {
    type Part = A::Part<'a>;
    fn part(self) -> A::Part<'a> {
        self.0.part()
    }
}

impl<'a, A: ?Sized> ValuePart for Part<'a, A> {
    type Part = &'a A;
    #[inline]
    fn part(self) -> &'a A {
        self.0
    }
}

impl<'a, A: KeyValue + ?Sized> ValuePart for NoPart<'a, A> {
    type Part = A::Part<'a>;
    fn part(self) -> A::Part<'a> {
        self.0.part()
    }
}

impl<'a, T: ?Sized> ArgumentPart for HashedPart<'a, T> {
    type Part = Self;
    #[inline]
    fn part(self) -> Self {
        self
    }
}

impl<'a, T: ?Sized> ValuePart for HashedPart<'a, T> {
    type Part = Self;
    #[inline]
    fn part(self) -> Self {
        self
    }
}

impl<'a, A: HashedArgument + ?Sized> ArgumentPart for NoHashedPart<'a, A> {
    type Part = A::Part<'a>;
    fn part(self) -> A::Part<'a> {
        self.0.part()
    }
}

impl<'a, A: HashedArgument + ?Sized> ValuePart for NoHashedPart<'a, A> {
    type Part = A::Part<'a>;
    fn part(self) -> A::Part<'a> {
        self.0.part()
    }
}

/// The trait that an argument of a function with `tier = "memory"` would have to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key in memory: it implements neither `serde::Serialize` nor `Hash + Eq + Clone`",
    label = "use `skip(..)` for this argument if the value does not depend on it",
    note = "a handle, such as a connection pool or the `State` of a web framework, should be skipped: `#[cached(skip(db))]`",
    note = "data needs `#[derive(Clone, PartialEq, Eq, Hash)]` and must be `Send + Sync + 'static`; or select the relevant parts with `key = \"{{id}}:{{user.id}}\"`"
)]
pub trait HashedArgument {
    /// The part.
    type Part<'a>
    where
        Self: 'a;
    /// Returns the part.
    fn part(&self) -> Self::Part<'_>;
}

/// The trait that an argument would have to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key: it does not implement `serde::Serialize`",
    label = "use `skip(..)` for this argument if the value does not depend on it",
    note = "a handle, such as a connection pool or the `State` of a web framework, should be skipped: `#[cached(skip(db))]`",
    note = "data needs `#[derive(serde::Serialize)]`, and a type parameter the bound `serde::Serialize`; or select the relevant parts with `key = \"{{id}}:{{user.id}}\"`"
)]
pub trait KeyArgument {
    /// The part.
    type Part<'a>
    where
        Self: 'a;
    /// Returns the part.
    fn part(&self) -> Self::Part<'_>;
}

/// The trait that the value of `key` would have to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: it does not implement `serde::Serialize`",
    label = "this value is the key",
    note = "use only the parts that distinguish calls, as in `key = (user.id, name.as_str())`, or put `#[derive(serde::Serialize)]` on your own types in it"
)]
pub trait KeyValue {
    /// The part.
    type Part<'a>
    where
        Self: 'a;
    /// Returns the part.
    fn part(&self) -> Self::Part<'_>;
}

impl<A: ?Sized> fmt::Debug for AskedPart<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedPart")
    }
}

impl<A: ?Sized> fmt::Debug for Part<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

impl<A: ?Sized> fmt::Debug for NoHashedPart<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoHashedPart")
    }
}

impl<A: ?Sized> fmt::Debug for NoPart<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoPart")
    }
}
