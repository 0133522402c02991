//! The kinds of functions whose values the cache can keep.

use super::erased::ValueType;
use super::form::{Form, MemoryOnly, Serde, type_in_form};
use crate::output::{CacheValue, MemoryValue, OutputKind, PlainKind, ResultKind};

/// The kind of a function whose values the cache can keep.
pub trait StoredKind: OutputKind<Value: MemoryValue> {
    /// The form of its type of values.
    #[allow(private_bounds, reason = "no code outside names it")]
    type Form: Form<Self::Value>;
}

impl<R> StoredKind for ResultKind<R>
where
    ResultKind<R>: OutputKind<Value: CacheValue>,
{
    type Form = Serde;
}

impl<R: CacheValue> StoredKind for PlainKind<R> {
    type Form = Serde;
}

/// Returns the type of values of functions of this kind.
pub(crate) fn type_stored_by<K: StoredKind>() -> &'static dyn ValueType {
    type_in_form::<K::Value, K::Form>()
}

/// The kind of a function whose values stay in memory, because their type has no serde.
#[derive(Clone, Copy, Debug)]
pub struct MemoryKind<K>(K);

impl<K> MemoryKind<K> {
    /// Returns the kind of a function whose outputs are taken apart as by this kind.
    pub(crate) fn new(kind: K) -> Self {
        MemoryKind(kind)
    }
}

impl<K: OutputKind> OutputKind for MemoryKind<K> {
    type Output = K::Output;
    type Value = K::Value;
    type Error = K::Error;

    fn split(output: K::Output) -> Result<K::Value, K::Error> {
        K::split(output)
    }

    fn join(parts: Result<K::Value, K::Error>) -> K::Output {
        K::join(parts)
    }

    fn value(output: &K::Output) -> Option<&K::Value> {
        K::value(output)
    }
}

impl<K: OutputKind<Value: MemoryValue>> StoredKind for MemoryKind<K> {
    type Form = MemoryOnly;
}
