//! Checks at compile time that the values of a function can be compared with those of its source.

use super::form::Serde;
use super::kind::StoredKind;
use crate::output::OutputKind;
use std::marker::PhantomData;

/// The answer for values that can be compared.
#[derive(Clone, Copy, Debug)]
pub struct CanBeCompared;

/// The answer for values of this type, which cannot be compared.
#[derive(Clone, Copy, Debug)]
pub struct NotComparable<V>(PhantomData<fn() -> V>);

/// An answer that `verify` accepts.
#[diagnostic::on_unimplemented(
    message = "`verify` compares the cached value with that of the source, which this type does not allow",
    label = "cannot be compared",
    note = "the type must be `PartialEq`, or `Serialize` and `Deserialize`"
)]
pub trait Comparable {}

impl Comparable for CanBeCompared {}

/// Checks the answer.
pub fn comparable<A: Comparable>(_: A) {}

/// Taken by method look-up if the values can be compared by `PartialEq`.
pub trait ProbePartialEq {
    /// Returns the answer.
    fn __cache_comparable(&self) -> CanBeCompared;
}

impl<K: OutputKind<Value: PartialEq>> ProbePartialEq for &&K {
    fn __cache_comparable(&self) -> CanBeCompared {
        CanBeCompared
    }
}

/// Taken by method look-up if they can be compared by their content.
pub trait ProbeContent {
    /// Returns the answer.
    fn __cache_comparable(&self) -> CanBeCompared;
}

impl<K: StoredKind<Form = Serde>> ProbeContent for &K {
    fn __cache_comparable(&self) -> CanBeCompared {
        CanBeCompared
    }
}

/// Taken by method look-up if they cannot be compared.
pub trait ProbeIncomparable: OutputKind {
    /// Returns the answer.
    fn __cache_comparable(&self) -> NotComparable<Self::Value>;
}

impl<K: OutputKind> ProbeIncomparable for K {
    fn __cache_comparable(&self) -> NotComparable<K::Value> {
        NotComparable(PhantomData)
    }
}
