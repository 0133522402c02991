//! The kind of a function of many keys.

use std::fmt;
use std::marker::PhantomData;

use super::ids::IdType;
use crate::output::OutputKind;
use crate::output::collection::Collection;

/// The kind of a function of many keys: that of its output, and the type of its ids.
pub struct Many<K, Id>(PhantomData<fn() -> (K, Id)>);

impl<K, Id> Clone for Many<K, Id> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, Id> Copy for Many<K, Id> {}
impl<K, Id> fmt::Debug for Many<K, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Many")
    }
}

/// Returns the kind of the output again, if that holds values by id. If not, the returned type does not exist. So the
/// compiler reports only this, without consequential errors.
pub fn by_id<K, Id>(_: IdType<Id>, kind: K) -> <K::Value as Collection<Id>>::Kind<K>
where
    K: OutputKind,
    K::Value: Collection<Id>,
{
    K::Value::kind(kind)
}

/// Returns the kind of a function of many keys.
pub fn many<K, Id>(_: IdType<Id>, _: K) -> Many<K, Id> {
    Many(PhantomData)
}
