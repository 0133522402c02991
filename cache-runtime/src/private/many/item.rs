//! The questions for the type of the value of one id, which generated code asks by method look-up.

use std::fmt;
use std::marker::PhantomData;

use super::kind::Many;
use crate::output::collection::Collection;
use crate::output::{OutputKind, PlainKind, kind_plain};

/// The item of an id in the output of this kind.
type ItemIn<K, Id> = <<K as OutputKind>::Value as Collection<Id>>::Item;

/// Returns the kind of a function that would return one item.
pub fn item<K, Id>(_: Many<K, Id>) -> PlainKind<ItemIn<K, Id>>
where
    K: OutputKind<Value: Collection<Id>>,
{
    kind_plain()
}

/// The question for the kind of a function that would return one item, or none.
pub struct AskedOptional<V>(PhantomData<fn() -> V>);

/// Begins the question for the kind of a function that would return one item, or none.
pub fn optional<K, Id>(_: Many<K, Id>) -> AskedOptional<ItemIn<K, Id>>
where
    K: OutputKind<Value: Collection<Id>>,
{
    AskedOptional(PhantomData)
}

/// Taken by method look-up, which begins at `&&AskedOptional<V>`, where an item is an `Option`.
pub trait ProbeOption<V> {
    /// Returns the kind.
    fn __cache_optional(&self) -> PlainKind<V>;
}

impl<V> ProbeOption<Option<V>> for &AskedOptional<Option<V>> {
    fn __cache_optional(&self) -> PlainKind<Option<V>> {
        kind_plain()
    }
}

/// Taken by method look-up where an item is no `Option`.
pub trait ProbeNoOption<V> {
    /// Returns the kind.
    fn __cache_optional(&self) -> PlainKind<Option<V>>;
}

impl<V> ProbeNoOption<V> for AskedOptional<V> {
    fn __cache_optional(&self) -> PlainKind<Option<V>> {
        kind_plain()
    }
}

/// The question for the value that says that an id has no item.
pub struct AskedAbsent<V>(PhantomData<fn() -> V>);

/// Begins the question for the value that says that an id has no item.
pub fn absent_of<K: OutputKind>(_: K) -> AskedAbsent<K::Value> {
    AskedAbsent(PhantomData)
}

/// Taken by method look-up, which begins at `&&AskedAbsent<V>`, where the stored value is an `Option`.
pub trait ProbeAbsent<V> {
    /// Returns the function that makes the value.
    fn __cache_absent(&self) -> Option<fn() -> V>;
}

impl<V> ProbeAbsent<Option<V>> for &AskedAbsent<Option<V>> {
    fn __cache_absent(&self) -> Option<fn() -> Option<V>> {
        Some(|| None)
    }
}

/// Taken by method look-up where the stored value is no `Option`.
pub trait ProbePresent<V> {
    /// Returns `None`: no value says that an id has no item.
    fn __cache_absent(&self) -> Option<fn() -> V>;
}

impl<V> ProbePresent<V> for AskedAbsent<V> {
    fn __cache_absent(&self) -> Option<fn() -> V> {
        None
    }
}

impl<V> fmt::Debug for AskedOptional<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedOptional")
    }
}

impl<V> fmt::Debug for AskedAbsent<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedAbsent")
    }
}
