//! The memory of values without serde: as much of it as their types show.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{size_of, size_of_val};
use std::sync::Arc;

use crate::output::OutputKind;

/// The reference counts in front of a value in an `Arc`.
const COUNTS: usize = 2 * size_of::<usize>();

/// The question for the visible memory of values of a type.
pub struct Visible<V>(PhantomData<fn() -> V>);

/// Begins the question for functions of this kind.
pub fn visible<K: OutputKind>(_: K) -> Visible<K::Value> {
    Visible(PhantomData)
}

impl<V> fmt::Debug for Visible<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visible")
    }
}

/// Taken by method look-up, which begins at `&&Visible<V>`: for a type that owns memory elsewhere.
pub trait ProbeOwner<V> {
    /// Returns the function that returns the bytes that a value takes.
    fn __cache_visible(&self) -> fn(&V) -> usize;
}

/// Taken by method look-up for every other type.
pub trait ProbeFlat<V> {
    /// Returns the function that returns the bytes that a value takes.
    fn __cache_visible(&self) -> fn(&V) -> usize;
}

impl<V> ProbeFlat<V> for Visible<V> {
    fn __cache_visible(&self) -> fn(&V) -> usize {
        size_of_val
    }
}

macro_rules! owners {
    ($([$($parameter:tt)*] $owner:ty => $elsewhere:expr;)*) => {$(
        impl<$($parameter)*> ProbeOwner<$owner> for &Visible<$owner> {
            fn __cache_visible(&self) -> fn(&$owner) -> usize {
                |value| {
                    let elsewhere: fn(&$owner) -> usize = $elsewhere;
                    size_of::<$owner>().saturating_add(elsewhere(value))
                }
            }
        }
    )*};
}

owners! {
    [T: ?Sized] Arc<T> => |shared| COUNTS + size_of_val(&**shared);
    [T: ?Sized] Box<T> => |boxed| size_of_val(&**boxed);
    [T: ?Sized] Option<Arc<T>> => |shared| shared.as_ref().map_or(0, |shared| COUNTS + size_of_val(&**shared));
    [T: ?Sized] Option<Box<T>> => |boxed| boxed.as_ref().map_or(0, |boxed| size_of_val(&**boxed));
    [T] Option<Vec<T>> => |list| list.as_ref().map_or(0, |list| list.capacity() * size_of::<T>());
    [T] Vec<T> => |list| list.capacity() * size_of::<T>();
    [T] VecDeque<T> => |list| list.capacity() * size_of::<T>();
    [T, S] HashSet<T, S> => |set| set.capacity() * (size_of::<T>() + 1);
    [K, V, S] HashMap<K, V, S> => |map| map.capacity() * (size_of::<(K, V)>() + 1);
    [T] BTreeSet<T> => |set| set.len() * size_of::<T>();
    [K, V] BTreeMap<K, V> => |map| map.len() * size_of::<(K, V)>();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_borrow, reason = "as generated code asks: look-up begins at `&&`")]
    use super::*;
    use crate::output::kind_plain;

    /// Returns the visible bytes of a value, as generated code requests them.
    macro_rules! seen {
        ($type:ty, $value:expr) => {{
            let value: $type = $value;
            (&&visible(kind_plain::<$type>())).__cache_visible()(&value)
        }};
    }

    type Opaque = [u64; 4];

    #[test]
    fn the_memory_of_a_value_is_seen_through_one_owner() {
        assert_eq!(seen!(Opaque, [0_u64; 4]), 32);
        assert_eq!(seen!(Arc<Opaque>, Arc::new([0_u64; 4])), 8 + 16 + 32);
        assert_eq!(seen!(Arc<dyn Send>, Arc::new([0_u64; 4])), 16 + 16 + 32);
        assert_eq!(seen!(Arc<[Opaque]>, Arc::from([[0_u64; 4], [1_u64; 4]])), 16 + 16 + 64);
        assert_eq!(seen!(Box<Opaque>, Box::new([0_u64; 4])), 8 + 32);
        assert_eq!(seen!(Vec<Opaque>, Vec::with_capacity(3)), 24 + 96);
        assert_eq!(seen!(BTreeMap<u64, Opaque>, BTreeMap::from([(1, [0_u64; 4])])), 24 + 40);
        assert_eq!(seen!(Option<Arc<Opaque>>, Some(Arc::new([0_u64; 4]))), 8 + 16 + 32);
        assert_eq!(seen!(Option<Vec<Opaque>>, None), 24);
        let capacity = HashMap::<u64, Opaque>::with_capacity(3).capacity();
        assert_eq!(seen!(HashMap<u64, Opaque>, HashMap::with_capacity(3)), 48 + capacity * 41);
    }
}
