//! Values with an erased type.
//!
//! The code after a miss is the same for every function. It handles values through the types of this file.
//! So it is compiled once, with this crate, instead of once for each function.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::format::codec::{CodecError, DefaultCodec};
use crate::format::shape::Measures;
use crate::memory::{EntryMeta, KnownWeight, Made, Memory, MemoryKey, Unkept};
use crate::output::MemoryValue;
use crate::support::panics::{drop_each, unless_panicking};

/// A value that may have several owners. A panic in its `Drop` reaches none of them.
#[derive(Clone)]
pub(crate) struct Value {
    of: &'static dyn ValueType,
    /// Only a value that is being dropped holds `None`.
    value: Option<Arc<dyn Any + Send + Sync>>,
}

/// A borrowed value and its type.
#[derive(Clone, Copy)]
pub(crate) struct ValueRef<'a> {
    of: &'static dyn ValueType,
    value: &'a (dyn Any + Send + Sync),
}

impl Value {
    /// Returns a value of this type.
    pub(crate) fn new<V: MemoryValue>(of: &'static dyn ValueType, value: V) -> Self {
        Value { of, value: Some(Arc::new(value)) }
    }

    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        ValueRef { of: self.of, value: self.value.as_deref().unwrap_or(&()) }
    }

    pub(crate) fn of(&self) -> &'static dyn ValueType {
        self.of
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        drop_each(self.value.take());
    }
}

impl<'a> ValueRef<'a> {
    /// Returns a reference to a value of this type.
    pub(crate) fn new<V: MemoryValue>(of: &'static dyn ValueType, value: &'a V) -> Self {
        ValueRef { of, value }
    }

    /// Returns the same value in the form that a function has for its type. The form of another type is not taken.
    pub(crate) fn in_form_of(self, of: &'static dyn ValueType) -> Self {
        if of.id() == self.of.id() { ValueRef { of, ..self } } else { self }
    }

    /// Returns the type of the value.
    pub(crate) fn of(self) -> &'static dyn ValueType {
        self.of
    }

    /// Returns the value, if it is of this type.
    pub(crate) fn typed<V: 'static>(self) -> Option<&'a V> {
        self.value.downcast_ref()
    }

    /// Returns a clone of the value.
    pub(crate) fn cloned(self) -> Option<Value> {
        self.of.clone_of(self.value)
    }

    /// Measures the value in one pass of its `Serialize`. If `weighs` is true, the memory that it takes is
    /// measured, too.
    pub(crate) fn measure(self, weighs: bool) -> Measures {
        self.of.measure(self.value, weighs)
    }

    /// Returns the digest of its shape; `None` if its `Serialize` fails.
    pub(crate) fn shape(self, human_readable: bool) -> Option<u64> {
        self.of.shape(self.value, human_readable)
    }

    /// Returns true if the other value has the same content for serde.
    pub(crate) fn has_content_of(self, other: ValueRef<'_>) -> bool {
        self.of.same_content(self.value, other.value)
    }

    /// Returns its size, which does not depend on the codec.
    pub(crate) fn size(self) -> usize {
        self.of.size(self.value)
    }

    /// Makes an entry of a clone of the value. The code of its type may panic.
    pub(crate) fn entry(
        self,
        memory: &Memory,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        weight: KnownWeight,
    ) -> Result<Made, Unkept> {
        let make = || self.of.entry(self.value, memory, key, meta, load_micros, weight);
        unless_panicking(make).unwrap_or(Err(Unkept::Panics(self.of.name())))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.of.name())
    }
}

/// Returns the value itself to its last owner, and a clone to other owners; `None` if it is of another type,
/// or its `Clone` panics.
pub(crate) fn owned<V: MemoryValue>(mut value: Value) -> Option<V> {
    if value.of.id() != TypeId::of::<V>() {
        return None;
    }
    let value = value.value.take()?.downcast().ok()?;
    unless_panicking(|| Arc::unwrap_or_clone(value))
}

/// A type of values. The methods that take a value take one of this type.
pub(crate) trait ValueType: Send + Sync {
    fn id(&self) -> TypeId;
    fn name(&self) -> &'static str;
    /// Returns a clone of a value, if it is of this type and its `Clone` does not panic.
    fn clone_of(&self, value: &(dyn Any + Send + Sync)) -> Option<Value>;
    /// Takes a value for storing, if it is of this type.
    fn of_box(&self, value: Box<dyn Any + Send>) -> Option<Value>;
    /// Returns one of the cache's own codecs for the type.
    fn codec(&self, codec: DefaultCodec) -> &'static dyn ValueCodec;
    /// Does the work of [`ValueRef::measure`].
    fn measure(&self, value: &dyn Any, weighs: bool) -> Measures;
    /// Does the work of [`ValueRef::shape`].
    fn shape(&self, value: &dyn Any, human_readable: bool) -> Option<u64>;
    /// Does the work of [`ValueRef::has_content_of`].
    fn same_content(&self, value: &dyn Any, other: &dyn Any) -> bool;
    /// Does the work of [`ValueRef::size`].
    fn size(&self, value: &dyn Any) -> usize;
    /// Does the work of [`ValueRef::entry`].
    fn entry(
        &self,
        value: &dyn Any,
        memory: &Memory,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        weight: KnownWeight,
    ) -> Result<Made, Unkept>;
}

/// A codec for values of one type.
pub(crate) trait ValueCodec: Send + Sync {
    fn id(&self) -> u8;
    /// Returns the identity of the type of values together with the codec.
    fn identity(&self) -> TypeId;
    fn name(&self) -> &'static str;
    fn human_readable(&self) -> bool;
    fn encode(&self, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), CodecError>;
    fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError>;
}
