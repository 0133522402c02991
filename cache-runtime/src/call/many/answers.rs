//! The answers to a call of many keys, by the places of its ids.

use crate::output::collection::{Collection, ItemOf};
use crate::output::{MemoryValue, OutputKind};
use crate::support::panics::unless_panicking;

/// The answers, one for each id; `None` for an id without one.
pub(crate) struct Answers<T> {
    values: Vec<Option<T>>,
    /// Makes the value that says that an id has no item, if there is such a value.
    absent: Option<fn() -> T>,
}

impl<T: MemoryValue> Answers<T> {
    pub(crate) const fn new() -> Self {
        Answers { values: Vec::new(), absent: None }
    }

    /// Adds an id. Returns its place.
    pub(crate) fn add(&mut self, value: Option<T>, absent: Option<fn() -> T>) -> usize {
        self.absent = absent;
        self.values.push(value);
        self.values.len() - 1
    }

    /// Returns the number of ids.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns the function that makes the value for an id without an item.
    pub(super) fn absent(&self) -> Option<fn() -> T> {
        self.absent
    }

    /// Sets the answers of the ids at these places. Returns false if a `Clone` panics.
    pub(super) fn set(&mut self, places: &[usize], value: Option<T>) -> bool {
        let value = value.or_else(|| Some(self.absent?()));
        let Some((last, others)) = places.split_last() else { return true };
        for place in others {
            // R3: without the cache, no value would be cloned.
            let Some(copy) = unless_panicking(|| value.clone()) else { return false };
            self.values[*place] = copy;
        }
        self.values[*last] = value;
        true
    }

    /// Returns the output of the function.
    pub(crate) fn output<'i, K, Id, How>(self, ids: impl Iterator<Item = &'i Id>) -> K::Output
    where
        K: OutputKind<Value: Collection<Id, Item: ItemOf<T, How>>>,
        Id: 'i,
    {
        let item = |value: Option<T>| ItemOf::from_stored(value?);
        K::join(Ok(Collection::make(ids.zip(self.values.into_iter().map(item)))))
    }
}

/// Returns the values for ids of which the body has returned these items. Equal ids have one item, so they get
/// clones of one value. Returns `None` if a `Clone` panics.
pub(super) fn values_of<C, Id, T, How>(
    items: Vec<Option<C::Item>>,
    ids: &[Id],
    absent: Option<fn() -> T>,
) -> Option<Vec<Option<T>>>
where
    C: Collection<Id, Item: ItemOf<T, How>>,
    T: MemoryValue,
{
    let value = |item: Option<C::Item>| item.map(ItemOf::into_stored).or_else(|| Some(absent?()));
    let mut values: Vec<Option<T>> = items.into_iter().map(value).collect();
    for (place, first) in C::firsts(ids).into_iter().enumerate() {
        if first != place {
            values[place] = unless_panicking(|| values[first].clone())?;
        }
    }
    Some(values)
}
