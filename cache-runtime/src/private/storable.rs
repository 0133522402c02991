//! A check that a value can be stored, with the message of the compiler if it cannot.
//!
//! A bound would be reported by each function that has it, once for each missing trait, and for `Vec<Video>`
//! with the message of serde. So generated code finds the first missing trait once, by method look-up. The
//! result returns the kind, or an associated type that does not exist. The compiler reports only that type,
//! without consequential errors.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::output::{CacheValue, MemoryValue, OutputKind};
use crate::value::MemoryKind;

/// The check of the value of a function of this kind.
pub struct AskedValue<K>(K);

/// Begins the check that the value of this kind can be stored.
#[inline]
pub fn probe_value<K: OutputKind>(kind: K) -> AskedValue<K> {
    AskedValue(kind)
}

/// Taken by method look-up, which begins at `&&&&&AskedValue<K>`: the first that is implemented.
pub trait ProbeValue {
    /// The result of the check of the value.
    type Answer;
    /// Returns the result.
    fn __cache_value(&self) -> Self::Answer;
}

impl<K: OutputKind> ProbeValue for &&&&AskedValue<K>
where
    K::Value: CacheValue,
{
    type Answer = Storable<K>;
    #[inline]
    fn __cache_value(&self) -> Storable<K> {
        Storable(self.0)
    }
}

impl<K: OutputKind> ProbeValue for &&&AskedValue<K>
where
    K::Value: Serialize + DeserializeOwned + Clone,
{
    type Answer = NotShared<K>;
    fn __cache_value(&self) -> NotShared<K> {
        NotShared(self.0)
    }
}

impl<K: OutputKind> ProbeValue for &&AskedValue<K>
where
    K::Value: Serialize + DeserializeOwned,
{
    type Answer = NotClone<K>;
    fn __cache_value(&self) -> NotClone<K> {
        NotClone(self.0)
    }
}

impl<K: OutputKind> ProbeValue for &AskedValue<K>
where
    K::Value: Serialize,
{
    type Answer = NotDeserialize<K>;
    fn __cache_value(&self) -> NotDeserialize<K> {
        NotDeserialize(self.0)
    }
}

impl<K: OutputKind> ProbeValue for AskedValue<K> {
    type Answer = NotSerialize<K>;
    fn __cache_value(&self) -> NotSerialize<K> {
        NotSerialize(self.0)
    }
}

/// Taken by method look-up for a function with `tier = "memory"`, which begins at `&&&&AskedValue<K>`: the
/// first that is implemented.
pub trait ProbeMemoryValue {
    /// The result of the check of the value.
    type Answer;
    /// Returns the result.
    fn __cache_memory_value(&self) -> Self::Answer;
}

impl<K: OutputKind> ProbeMemoryValue for &&&AskedValue<K>
where
    K::Value: CacheValue,
{
    type Answer = Storable<K>;
    #[inline]
    fn __cache_memory_value(&self) -> Storable<K> {
        Storable(self.0)
    }
}

impl<K: OutputKind> ProbeMemoryValue for &&AskedValue<K>
where
    K::Value: MemoryValue,
{
    type Answer = Storable<MemoryKind<K>>;
    #[inline]
    fn __cache_memory_value(&self) -> Storable<MemoryKind<K>> {
        Storable(MemoryKind::new(self.0))
    }
}

impl<K: OutputKind> ProbeMemoryValue for &AskedValue<K>
where
    K::Value: Clone,
{
    type Answer = NotShared<K>;
    fn __cache_memory_value(&self) -> NotShared<K> {
        NotShared(self.0)
    }
}

impl<K: OutputKind> ProbeMemoryValue for AskedValue<K> {
    type Answer = NotClone<K>;
    fn __cache_memory_value(&self) -> NotClone<K> {
        NotClone(self.0)
    }
}

/// Returns the kind of a function whose value can be stored.
#[inline]
pub fn storable<A: Answer>(answer: A) -> A::Kind {
    answer.kind()
}

/// The result of the check of a value.
pub trait Answer {
    /// The kind of the function, if the value can be stored.
    type Kind;
    /// Returns that kind.
    fn kind(self) -> Self::Kind;
}

/// A value that can be stored.
pub struct Storable<K>(K);

/// A value that is not `Serialize`.
pub struct NotSerialize<K>(K);

/// A value that is not `DeserializeOwned`.
pub struct NotDeserialize<K>(K);

/// A value that is not `Clone`.
pub struct NotClone<K>(K);

/// A value that is not `Send + Sync`.
pub struct NotShared<K>(K);

impl<K> Answer for Storable<K> {
    type Kind = K;
    #[inline]
    fn kind(self) -> K {
        self.0
    }
}

impl<K: OutputKind> Answer for NotSerialize<K>
where
    K::Value: NeedsSerialize,
{
    type Kind = <K::Value as NeedsSerialize>::Kind;
    fn kind(self) -> Self::Kind {
        K::Value::kind()
    }
}

impl<K: OutputKind> Answer for NotDeserialize<K>
where
    K::Value: NeedsDeserialize,
{
    type Kind = <K::Value as NeedsDeserialize>::Kind;
    fn kind(self) -> Self::Kind {
        K::Value::kind()
    }
}

impl<K: OutputKind> Answer for NotClone<K>
where
    K::Value: NeedsClone,
{
    type Kind = <K::Value as NeedsClone>::Kind;
    fn kind(self) -> Self::Kind {
        K::Value::kind()
    }
}

impl<K: OutputKind> Answer for NotShared<K>
where
    K::Value: NeedsSync,
{
    type Kind = <K::Value as NeedsSync>::Kind;
    fn kind(self) -> Self::Kind {
        K::Value::kind()
    }
}

/// The trait that a value without `Serialize` would have to implement; no type implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached: it does not implement `serde::Serialize`",
    label = "this type is stored in the cache",
    note = "put `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on your own types in it; or keep it in this process alone, with `#[cached(tier = \"memory\")]`, which needs no serde",
    note = "a type of another crate may need that crate's feature `serde`; `Arc` and `Rc` need serde's feature `rc`; a type parameter needs the bound `cache_runtime::CacheValue`"
)]
pub trait NeedsSerialize {
    /// The kind of the function.
    type Kind;
    /// Returns that kind.
    fn kind() -> Self::Kind;
}

/// The trait that a value without `DeserializeOwned` would have to implement; no type implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached: it does not implement `serde::de::DeserializeOwned`",
    label = "this type is stored in the cache",
    note = "put `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on your own types in it; a type parameter needs the bound `cache_runtime::CacheValue`",
    note = "a value is read back from Redis, so it must own its contents: `String` instead of `&str`, `Vec<T>` instead of `&[T]`; or keep it in this process alone, with `#[cached(tier = \"memory\")]`, which needs no serde"
)]
pub trait NeedsDeserialize {
    /// The kind of the function.
    type Kind;
    /// Returns that kind.
    fn kind() -> Self::Kind;
}

/// The trait that a value without `Clone` would have to implement; no type implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached: it does not implement `Clone`",
    label = "this type is stored in the cache",
    note = "each caller gets a clone of the value: put `#[derive(Clone)]` on your own types in it, or return an `Arc` of it (without `tier = \"memory\"`, this needs serde's feature `rc`)"
)]
pub trait NeedsClone {
    /// The kind of the function.
    type Kind;
    /// Returns that kind.
    fn kind() -> Self::Kind;
}

/// The trait that a value without `Send + Sync` would have to implement; no type implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached: it is not `Send + Sync`",
    label = "this type is stored in the cache",
    note = "threads share stored values: use `Arc` instead of `Rc`, and `Mutex` instead of `RefCell` and `Cell`; a type parameter needs the bound `cache_runtime::CacheValue`, or with `tier = \"memory\"` `cache_runtime::MemoryValue`"
)]
pub trait NeedsSync {
    /// The kind of the function.
    type Kind;
    /// Returns that kind.
    fn kind() -> Self::Kind;
}

macro_rules! debug {
    ($($name:ident),*) => {$(
        impl<K> fmt::Debug for $name<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
debug!(AskedValue, Storable, NotSerialize, NotDeserialize, NotClone, NotShared);
