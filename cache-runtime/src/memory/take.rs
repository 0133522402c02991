//! Taking a value out of an entry.

use std::any::Any;

/// Reads a part of an entry's value, under the lock of its shard.
pub(crate) trait Take<V>: Fn(&(dyn Any + Send + Sync)) -> Option<V> + Copy {}

impl<V, F: Fn(&(dyn Any + Send + Sync)) -> Option<V> + Copy> Take<V> for F {}
