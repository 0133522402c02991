//! Values with an erased type.
//!
//! The code after a miss is the same for every function. It handles values through the traits of this file.
//! So it is compiled once, with this crate, instead of once for each function.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::format::codec::{Bincode, Codec, CodecError, DefaultCodec, MessagePack};
use crate::format::shape::{self, Measures};
use crate::memory::{EntryMeta, KnownWeight, Made, Memory, MemoryKey, Unkept};
use crate::output::CacheValue;
use crate::support::panics::{drop_each, unless_panicking};

/// A value that may have several owners. A panic in its `Drop` reaches none of them.
#[derive(Clone)]
pub(crate) struct Value(Option<Arc<dyn AnyValue>>);

/// A value of some type: every [`CacheValue`] is one.
pub(crate) trait AnyValue: Any + Send + Sync {
    /// Returns the type of the value.
    fn of(&self) -> &'static dyn ValueType;
    /// Returns a clone of the value.
    fn shared(&self) -> Value;
    /// Returns a clone of the value; `None` if its `Clone` panics.
    fn copied(&self) -> Option<Value>;
    /// Measures the value in one pass of its `Serialize`. If `weighs` is true, the memory that it takes is
    /// measured, too.
    fn measure(&self, weighs: bool) -> Measures;
    /// Returns the digest of its shape; `None` if its `Serialize` fails.
    fn shape(&self, human_readable: bool) -> Option<u64>;
    /// Returns true if the other value has the same content for serde.
    fn has_content_of(&self, other: &dyn AnyValue) -> bool;
    /// Returns its size, which does not depend on the codec.
    fn size(&self) -> usize;
    /// Makes an entry of a clone of the value. The code of its type may panic.
    fn entry(
        &self,
        memory: &Memory,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        weight: KnownWeight,
    ) -> Result<Made, Unkept>;
}

impl<V: CacheValue> AnyValue for V {
    fn of(&self) -> &'static dyn ValueType {
        type_of::<V>()
    }

    fn shared(&self) -> Value {
        Value::new(self.clone())
    }

    fn copied(&self) -> Option<Value> {
        unless_panicking(|| self.shared())
    }

    fn measure(&self, weighs: bool) -> Measures {
        shape::measure(self, weighs)
    }

    fn shape(&self, human_readable: bool) -> Option<u64> {
        shape::digest(self, human_readable)
    }

    fn has_content_of(&self, other: &dyn AnyValue) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<V>().is_some_and(|other| shape::same_content(self, other))
    }

    fn size(&self) -> usize {
        shape::value_size(self)
    }

    fn entry(
        &self,
        memory: &Memory,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        weight: KnownWeight,
    ) -> Result<Made, Unkept> {
        let make = || memory.make(key, meta, load_micros, self, weight);
        unless_panicking(make).unwrap_or(Err(Unkept::Panics(type_name::<V>())))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.of().name())
    }
}

impl Value {
    pub(crate) fn new<V: CacheValue>(value: V) -> Self {
        Value(Some(Arc::new(value)))
    }
}

impl Deref for Value {
    type Target = dyn AnyValue;

    fn deref(&self) -> &Self::Target {
        // Only a value that is being dropped holds `None`.
        self.0.as_deref().unwrap_or(&())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        drop_each(self.0.take());
    }
}

/// Returns the value itself to its last owner, and a clone to other owners; `None` if it is of another type,
/// or its `Clone` panics.
pub(crate) fn owned<V: CacheValue>(mut value: Value) -> Option<V> {
    if value.of().id() != TypeId::of::<V>() {
        return None;
    }
    let value: Arc<dyn Any + Send + Sync> = value.0.take()?;
    let value = value.downcast().ok()?;
    unless_panicking(|| Arc::unwrap_or_clone(value))
}

/// A type of values.
pub(crate) trait ValueType: Send + Sync {
    fn id(&self) -> TypeId;
    fn name(&self) -> &'static str;
    /// Returns a clone of a value in memory, if it is of this type.
    fn clone_of(&self, value: &(dyn Any + Send + Sync)) -> Option<Value>;
    /// Takes a value for storing, if it is of this type.
    fn of_box(&self, value: Box<dyn Any + Send>) -> Option<Value>;
    /// Returns one of the cache's own codecs for the type.
    fn codec(&self, codec: DefaultCodec) -> &'static dyn ValueCodec;
}

struct Of<V>(PhantomData<fn() -> V>);

pub(crate) fn type_of<V: CacheValue>() -> &'static dyn ValueType {
    &Of::<V>(PhantomData)
}

impl<V: CacheValue> ValueType for Of<V> {
    fn id(&self) -> TypeId {
        TypeId::of::<V>()
    }

    fn name(&self) -> &'static str {
        type_name::<V>()
    }

    fn clone_of(&self, value: &(dyn Any + Send + Sync)) -> Option<Value> {
        value.downcast_ref::<V>().and_then(AnyValue::copied)
    }

    fn of_box(&self, value: Box<dyn Any + Send>) -> Option<Value> {
        match value.downcast::<V>() {
            Ok(value) => Some(Value::new(*value)),
            Err(other) => {
                drop_each([other]);
                None
            }
        }
    }

    fn codec(&self, codec: DefaultCodec) -> &'static dyn ValueCodec {
        match codec {
            DefaultCodec::Bincode => codec_of::<V, Bincode>(),
            DefaultCodec::MessagePack => codec_of::<V, MessagePack>(),
            #[cfg(feature = "postcard")]
            DefaultCodec::Postcard => codec_of::<V, crate::format::codec::Postcard>(),
        }
    }
}

/// A codec for values of one type.
pub(crate) trait ValueCodec: Send + Sync {
    fn id(&self) -> u8;
    /// Returns the identity of the type of values together with the codec.
    fn identity(&self) -> TypeId;
    fn name(&self) -> &'static str;
    fn human_readable(&self) -> bool;
    fn encode(&self, value: &dyn AnyValue, out: &mut Vec<u8>) -> Result<(), CodecError>;
    fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError>;
}

struct CodecOf<V, C>(PhantomData<fn() -> (V, C)>);

pub(crate) fn codec_of<V: CacheValue, C: Codec>() -> &'static dyn ValueCodec {
    &CodecOf::<V, C>(PhantomData)
}

impl<V: CacheValue, C: Codec> ValueCodec for CodecOf<V, C> {
    fn id(&self) -> u8 {
        C::ID
    }

    fn identity(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn human_readable(&self) -> bool {
        C::HUMAN_READABLE
    }

    fn encode(&self, value: &dyn AnyValue, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let value: &dyn Any = value;
        match value.downcast_ref::<V>() {
            Some(value) => C::encode(value, out),
            None => Err(CodecError::new(format_args!("not a {}", type_name::<V>()))),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError> {
        C::decode(bytes).map(Value::new::<V>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_its_own_type_alone() {
        let value = "text".to_owned().shared();
        assert_eq!(owned::<u64>(value.clone()), None);
        assert_eq!(owned::<String>(value), Some("text".to_owned()));
    }

    #[test]
    fn a_codec_refuses_a_value_of_another_type() {
        let codec = type_of::<u64>().codec(DefaultCodec::Bincode);
        let error = codec.encode(&"text".to_owned(), &mut Vec::new()).err();
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("not a u64"));
        assert!(codec.encode(&7_u64, &mut Vec::new()).is_ok());
    }

    #[test]
    fn what_memory_holds_of_another_type_is_not_taken() {
        assert!(type_of::<u64>().clone_of(&7_u32).is_none());
        assert!(type_of::<u64>().of_box(Box::new(7_u32)).is_none());
        assert!(type_of::<u64>().of_box(Box::new(7_u64)).is_some());
    }
}
