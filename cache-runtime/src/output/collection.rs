//! The collections that functions of many keys return, and the items in them.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

/// A collection of items by id, which a function of many keys returns.
#[diagnostic::on_unimplemented(
    message = "a function of many keys returns its values by id, and `{Self}` does not hold values by `{Id}`",
    label = "not a collection of values by id",
    note = "it returns `HashMap<K, V>`, `BTreeMap<K, V>`, or, in the order of the ids, `Vec<V>` or `Vec<Option<V>>`; plain or in a `Result`",
    note = "`K` is the type of the ids, `{Id}`"
)]
pub trait Collection<Id>: Sized {
    /// The part of one id.
    type Item;
    /// The kind of the output.
    type Kind<K>;
    /// Returns the kind of the output.
    fn kind<K>(kind: K) -> Self::Kind<K>;
    /// Takes out the items of these ids, in their order; `None` for an id without one.
    ///
    /// # Errors
    /// The number of items, if it must be that of the ids and is another.
    fn take(self, ids: &[Id]) -> Result<Vec<Option<Self::Item>>, usize>;
    /// Returns for each id the place of the first one that it equals. The collection has one item for both.
    fn firsts(ids: &[Id]) -> Vec<usize> {
        (0..ids.len()).collect()
    }
    /// Returns references to the items of these ids, in their order; `None` for an id without one. Equal ids may have the
    /// same item.
    ///
    /// # Errors
    /// The number of items, if it must be that of the ids and is another.
    fn items(&self, ids: &[Id]) -> Result<Vec<Option<&Self::Item>>, usize>;
    /// Makes a collection. Ids without an item are left out.
    fn make<'i>(items: impl Iterator<Item = (&'i Id, Option<Self::Item>)>) -> Self
    where
        Id: 'i;
}

impl<K, V, S> Collection<K> for HashMap<K, V, S>
where
    K: Eq + Hash + Clone,
    S: BuildHasher + Default,
{
    type Item = V;
    type Kind<T> = T;
    fn kind<T>(kind: T) -> T {
        kind
    }
    fn take(mut self, ids: &[K]) -> Result<Vec<Option<V>>, usize> {
        Ok(ids.iter().map(|id| self.remove(id)).collect())
    }
    fn firsts(ids: &[K]) -> Vec<usize> {
        let mut known = HashMap::with_capacity(ids.len());
        ids.iter().enumerate().map(|(place, id)| *known.entry(id).or_insert(place)).collect()
    }
    fn items(&self, ids: &[K]) -> Result<Vec<Option<&V>>, usize> {
        Ok(ids.iter().map(|id| self.get(id)).collect())
    }
    fn make<'i>(items: impl Iterator<Item = (&'i K, Option<V>)>) -> Self
    where
        K: 'i,
    {
        // Most ids have an item.
        let mut map = Self::with_capacity_and_hasher(most(&items), S::default());
        map.extend(items.filter_map(|(id, item)| Some((id.clone(), item?))));
        map
    }
}

impl<K: Ord + Clone, V> Collection<K> for BTreeMap<K, V> {
    type Item = V;
    type Kind<T> = T;
    fn kind<T>(kind: T) -> T {
        kind
    }
    fn take(mut self, ids: &[K]) -> Result<Vec<Option<V>>, usize> {
        Ok(ids.iter().map(|id| self.remove(id)).collect())
    }
    fn firsts(ids: &[K]) -> Vec<usize> {
        let mut known = BTreeMap::new();
        ids.iter().enumerate().map(|(place, id)| *known.entry(id).or_insert(place)).collect()
    }
    fn items(&self, ids: &[K]) -> Result<Vec<Option<&V>>, usize> {
        Ok(ids.iter().map(|id| self.get(id)).collect())
    }
    fn make<'i>(items: impl Iterator<Item = (&'i K, Option<V>)>) -> Self
    where
        K: 'i,
    {
        items.filter_map(|(id, item)| Some((id.clone(), item?))).collect()
    }
}

impl<K, V> Collection<K> for Vec<V> {
    type Item = V;
    type Kind<T> = T;
    fn kind<T>(kind: T) -> T {
        kind
    }
    fn take(self, ids: &[K]) -> Result<Vec<Option<V>>, usize> {
        if self.len() == ids.len() {
            Ok(self.into_iter().map(Some).collect())
        } else {
            Err(self.len())
        }
    }
    fn items(&self, ids: &[K]) -> Result<Vec<Option<&V>>, usize> {
        if self.len() == ids.len() { Ok(self.iter().map(Some).collect()) } else { Err(self.len()) }
    }
    fn make<'i>(items: impl Iterator<Item = (&'i K, Option<V>)>) -> Self
    where
        K: 'i,
    {
        let mut list = Vec::with_capacity(most(&items));
        list.extend(items.filter_map(|(_, item)| item));
        list
    }
}

/// Returns the maximum number of items.
fn most(items: &impl Iterator) -> usize {
    let (least, most) = items.size_hint();
    most.unwrap_or(least)
}

/// A collection whose items can be made of stored values in this way.
#[diagnostic::on_unimplemented(
    message = "the entry may hold that an id has no value, and `{Self}` has a value for each id",
    label = "has a value for each id",
    note = "return `Vec<Option<V>>`, or a map, which leaves such an id out"
)]
pub trait Holds<How> {}

impl<V> Holds<AsIs> for Vec<V> {}
impl<K, V, S, How> Holds<How> for HashMap<K, V, S> {}
impl<K, V, How> Holds<How> for BTreeMap<K, V> {}

// This impl is never used. With only one impl for `Vec`, the compiler would infer the way, and would report a mismatch of types
// instead of the message above.
#[diagnostic::do_not_recommend]
impl Holds<InOption> for Vec<InOption> {}

/// An item, as the value `T` that its entry stores.
#[diagnostic::on_unimplemented(
    message = "the output has a `{Self}` for each id, but the entry of an id stores a `{T}`",
    label = "its entry stores a `{T}`",
    note = "both functions must have the same type of value for an id; if the entry stores an `Option<V>`, a map may have a `V` for each id that has a value"
)]
pub trait ItemOf<T, How>: Sized {
    /// Returns the value to store.
    fn into_stored(self) -> T;
    /// Returns the item of a stored value; `None` if that says that there is none.
    fn from_stored(value: T) -> Option<Self>;
}

/// The way of an item that is stored as it is.
#[derive(Debug)]
pub struct AsIs;

/// The way of an item that is stored in an `Option`.
#[derive(Debug)]
pub struct InOption;

impl<T> ItemOf<T, AsIs> for T {
    fn into_stored(self) -> T {
        self
    }
    fn from_stored(value: T) -> Option<T> {
        Some(value)
    }
}

impl<T> ItemOf<Option<T>, InOption> for T {
    fn into_stored(self) -> Option<T> {
        Some(self)
    }
    fn from_stored(value: Option<T>) -> Option<T> {
        value
    }
}
