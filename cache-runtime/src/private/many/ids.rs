//! The ids of a function of many keys, and its other arguments.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

/// A list of ids that a function of many keys takes.
#[diagnostic::on_unimplemented(
    message = "`each` takes the ids from a list of them, and `{Self}` is none",
    label = "not a list of ids",
    note = "a list of ids is a `Vec<K>`, a slice `&[K]`, a `HashSet<K>` or a `BTreeSet<K>`, or a reference to one"
)]
pub trait IdList {
    /// The type of an id.
    type Id;
    /// The list of the ids of one body.
    type Owned: Borrow<Self>;
    /// Returns each id, in order.
    fn each(&self) -> impl Iterator<Item = &Self::Id>;
    /// Returns a list of these ids.
    fn owned(ids: Vec<Self::Id>) -> Self::Owned;
}

impl<K> IdList for [K] {
    type Id = K;
    type Owned = Vec<K>;
    fn each(&self) -> impl Iterator<Item = &K> {
        self.iter()
    }
    fn owned(ids: Vec<K>) -> Vec<K> {
        ids
    }
}

impl<K> IdList for Vec<K> {
    type Id = K;
    type Owned = Vec<K>;
    fn each(&self) -> impl Iterator<Item = &K> {
        self.iter()
    }
    fn owned(ids: Vec<K>) -> Vec<K> {
        ids
    }
}

impl<K: Eq + Hash, S: BuildHasher + Default> IdList for HashSet<K, S> {
    type Id = K;
    type Owned = Self;
    fn each(&self) -> impl Iterator<Item = &K> {
        self.iter()
    }
    fn owned(ids: Vec<K>) -> Self {
        ids.into_iter().collect()
    }
}

impl<K: Ord> IdList for BTreeSet<K> {
    type Id = K;
    type Owned = Self;
    fn each(&self) -> impl Iterator<Item = &K> {
        self.iter()
    }
    fn owned(ids: Vec<K>) -> Self {
        ids.into_iter().collect()
    }
}

/// An id that the body gets, and the output holds.
#[diagnostic::on_unimplemented(
    message = "an id of type `{Self}` cannot be copied for the body of a function of many keys",
    label = "the body needs a copy of the ids that are missing",
    note = "an id must be `Clone`"
)]
pub trait CopiedId: Clone {
    /// The same type.
    type Same<L: ?Sized>: ?Sized;
    /// Returns the same list.
    fn same<L: ?Sized>(ids: &L) -> &Self::Same<L>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> CopiedId for T {
    type Same<L: ?Sized> = L;
    #[inline]
    fn same<L: ?Sized>(ids: &L) -> &L {
        ids
    }
}

/// Returns the ids of a call. If they are in no list, or cannot be copied, the returned type does not exist. So the
/// compiler reports only this, without consequential errors.
#[inline]
pub fn lent<L>(ids: &L) -> &<L::Id as CopiedId>::Same<L>
where
    L: IdList + ?Sized,
    L::Id: CopiedId,
{
    L::Id::same(ids)
}

/// The type of the ids of a call.
pub struct IdType<Id>(PhantomData<fn() -> Id>);

impl<Id> Clone for IdType<Id> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Id> Copy for IdType<Id> {}
impl<Id> fmt::Debug for IdType<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdType")
    }
}

/// Returns the type of the ids of a call.
#[inline]
pub fn id_type<L: IdList + ?Sized>(_: &L) -> IdType<L::Id> {
    IdType(PhantomData)
}

/// Returns each id, in order.
#[inline]
pub fn each<L: IdList + ?Sized>(ids: &L) -> impl Iterator<Item = &L::Id> {
    ids.each()
}

/// Returns each id with its place, in order.
pub fn places<L: IdList + ?Sized>(ids: &L) -> impl Iterator<Item = (usize, &L::Id)> {
    ids.each().enumerate()
}

/// Returns a list of some ids, of the type of the list of all.
pub fn owned_ids<L: IdList + ?Sized>(_: &L, part: Vec<L::Id>) -> L::Owned {
    L::owned(part)
}

/// Returns an id for an expression of the attribute.
pub fn id<K: Clone>(id: &K) -> K {
    id.clone()
}

/// An argument of which each body has a copy.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` cannot be copied for each body of a function of many keys",
    label = "the body may run several times, and each run needs a copy of this",
    note = "such an argument must be `Clone`, or a reference"
)]
pub trait CopiedArgument: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> CopiedArgument for T {}

/// Returns a copy of an argument, for one run of the body.
pub fn again<T: CopiedArgument>(argument: &T) -> T {
    argument.clone()
}
