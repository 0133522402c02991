//! The two forms of types that the cache keeps: with serde, and without it, for memory alone.

use std::any::{Any, TypeId, type_name};
use std::marker::PhantomData;
use std::mem::size_of;

use super::erased::{Value, ValueCodec, ValueRef, ValueType};
use crate::format::codec::{Bincode, Codec, CodecError, DefaultCodec, MessagePack};
use crate::format::shape::{self, Measures};
use crate::memory::{EntryMeta, KnownWeight, Made, Memory, MemoryKey, Unkept};
use crate::output::{CacheValue, MemoryValue};
use crate::support::panics::{drop_each, unless_panicking};

/// The work of the cache on values of type `V` that depends on the traits of that type.
pub(crate) trait Form<V>: 'static {
    /// True if the memory that a value takes is seen by its `Serialize`.
    const IS_MEASURED: bool;
    /// Returns one of the cache's own codecs.
    fn codec(codec: DefaultCodec) -> &'static dyn ValueCodec;
    /// Does the work of [`ValueRef::measure`](super::ValueRef::measure).
    fn measure(value: &V, weighs: bool) -> Measures;
    /// Returns the digest of the value's shape, if it has one.
    fn shape(value: &V, human_readable: bool) -> Option<u64>;
    /// Returns true if both values have the same content for serde.
    fn same_content(value: &V, other: &V) -> bool;
    /// Returns the size, which does not depend on the codec.
    fn size(value: &V) -> usize;
    /// Returns the bytes that the value owns elsewhere.
    fn heap_size(value: &V) -> usize;
}

/// The form of a type with serde.
#[derive(Debug)]
pub struct Serde;

/// The form of a type that only has to be `Clone`. Its values are never encoded.
#[derive(Debug)]
pub struct MemoryOnly;

impl<V: CacheValue> Form<V> for Serde {
    const IS_MEASURED: bool = true;

    fn codec(codec: DefaultCodec) -> &'static dyn ValueCodec {
        match codec {
            DefaultCodec::Bincode => codec_of::<V, Bincode>(),
            DefaultCodec::MessagePack => codec_of::<V, MessagePack>(),
            #[cfg(feature = "postcard")]
            DefaultCodec::Postcard => codec_of::<V, crate::format::codec::Postcard>(),
        }
    }

    fn measure(value: &V, weighs: bool) -> Measures {
        shape::measure(value, weighs)
    }

    fn shape(value: &V, human_readable: bool) -> Option<u64> {
        shape::digest(value, human_readable)
    }

    fn same_content(value: &V, other: &V) -> bool {
        shape::same_content(value, other)
    }

    fn size(value: &V) -> usize {
        shape::value_size(value)
    }

    fn heap_size(value: &V) -> usize {
        shape::heap_size(value)
    }
}

impl<V: 'static> Form<V> for MemoryOnly {
    const IS_MEASURED: bool = false;

    fn codec(_: DefaultCodec) -> &'static dyn ValueCodec {
        &NoCodec::<V>(PhantomData)
    }

    fn measure(_: &V, weighs: bool) -> Measures {
        let size = size_of::<V>();
        Measures { size, weight: weighs.then_some(size), ..Measures::default() }
    }

    fn shape(_: &V, _: bool) -> Option<u64> {
        None
    }

    fn same_content(_: &V, _: &V) -> bool {
        false
    }

    fn size(_: &V) -> usize {
        size_of::<V>()
    }

    fn heap_size(_: &V) -> usize {
        0
    }
}

/// The type `V` with what the cache can do with it.
struct Of<V, S>(PhantomData<fn() -> (V, S)>);

/// Returns a type in one of the forms.
pub(crate) fn type_in_form<V: MemoryValue, S: Form<V>>() -> &'static dyn ValueType {
    &const { Of::<V, S>(PhantomData) }
}

/// Returns a type with serde.
pub(crate) fn type_of<V: CacheValue>() -> &'static dyn ValueType {
    type_in_form::<V, Serde>()
}

/// Returns a reference to a value of a type with serde.
pub(crate) fn value_of<V: CacheValue>(value: &V) -> ValueRef<'_> {
    ValueRef::new(type_of::<V>(), value)
}

impl<V: MemoryValue, S: Form<V>> ValueType for Of<V, S> {
    fn id(&self) -> TypeId {
        TypeId::of::<V>()
    }

    fn name(&self) -> &'static str {
        type_name::<V>()
    }

    fn clone_of(&self, value: &(dyn Any + Send + Sync)) -> Option<Value> {
        let value = value.downcast_ref::<V>()?;
        unless_panicking(|| Value::new(type_in_form::<V, S>(), value.clone()))
    }

    fn of_box(&self, value: Box<dyn Any + Send>) -> Option<Value> {
        match value.downcast::<V>() {
            Ok(value) => Some(Value::new(type_in_form::<V, S>(), *value)),
            Err(other) => {
                drop_each([other]);
                None
            }
        }
    }

    fn codec(&self, codec: DefaultCodec) -> &'static dyn ValueCodec {
        S::codec(codec)
    }

    fn measure(&self, value: &dyn Any, weighs: bool) -> Measures {
        value.downcast_ref().map_or_else(Measures::default, |value| S::measure(value, weighs))
    }

    fn shape(&self, value: &dyn Any, human_readable: bool) -> Option<u64> {
        S::shape(value.downcast_ref()?, human_readable)
    }

    fn same_content(&self, value: &dyn Any, other: &dyn Any) -> bool {
        match (value.downcast_ref(), other.downcast_ref()) {
            (Some(value), Some(other)) => S::same_content(value, other),
            _ => false,
        }
    }

    fn size(&self, value: &dyn Any) -> usize {
        value.downcast_ref().map_or(0, S::size)
    }

    fn entry(
        &self,
        value: &dyn Any,
        memory: &Memory,
        key: MemoryKey,
        meta: EntryMeta,
        load_micros: u32,
        weight: KnownWeight,
    ) -> Result<Made, Unkept> {
        let value: &V = value.downcast_ref().ok_or(Unkept::Panics(self.name()))?;
        // A value that cannot be measured is as large as its declared weight.
        let declared = match weight {
            KnownWeight::Declared(bytes) if !S::IS_MEASURED => bytes,
            _ => 0,
        };
        let taken = || declared.max(size_of::<V>() + S::heap_size(value));
        let size = || declared.max(S::size(value));
        let weight = memory.weigh(&key, meta.origin, weight, &taken, &size)?;
        Ok(memory.make(key, meta, load_micros, value.clone(), weight))
    }
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

    fn encode(&self, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        match value.typed::<V>() {
            Some(value) => C::encode(value, out),
            None => Err(CodecError::new(format_args!("not a {}", type_name::<V>()))),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError> {
        C::decode::<V>(bytes).map(|value| Value::new(type_of::<V>(), value))
    }
}

/// The number of no codec.
const NO_CODEC: u8 = 0;

/// The codec of a type without serde: it refuses every value.
struct NoCodec<V>(PhantomData<fn() -> V>);

impl<V: 'static> NoCodec<V> {
    fn refuse<T>() -> Result<T, CodecError> {
        let name = type_name::<V>();
        Err(CodecError::new(format_args!("{name} has no serde: it can be kept in memory only")))
    }
}

impl<V: 'static> ValueCodec for NoCodec<V> {
    fn id(&self) -> u8 {
        NO_CODEC
    }

    fn identity(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    fn name(&self) -> &'static str {
        "none"
    }

    fn human_readable(&self) -> bool {
        false
    }

    fn encode(&self, _: ValueRef<'_>, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Self::refuse()
    }

    fn decode(&self, _: &[u8]) -> Result<Value, CodecError> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use super::super::owned;
    use super::*;

    #[test]
    fn a_value_comes_back_as_its_own_type_alone() {
        let value = Value::new(type_of::<String>(), "text".to_owned());
        assert_eq!(owned::<u64>(value.clone()), None);
        assert_eq!(owned::<String>(value), Some("text".to_owned()));
    }

    #[test]
    fn a_codec_refuses_a_value_of_another_type() {
        let codec = type_of::<u64>().codec(DefaultCodec::Bincode);
        let error = codec.encode(value_of(&"text".to_owned()), &mut Vec::new()).err();
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("not a u64"));
        assert!(codec.encode(value_of(&7_u64), &mut Vec::new()).is_ok());
    }

    #[test]
    fn what_memory_holds_of_another_type_is_not_taken() {
        assert!(type_of::<u64>().clone_of(&7_u32).is_none());
        assert!(type_of::<u64>().of_box(Box::new(7_u32)).is_none());
        assert!(type_of::<u64>().of_box(Box::new(7_u64)).is_some());
    }

    #[test]
    fn a_value_without_serde_is_never_encoded() {
        #[derive(Clone)]
        struct Opaque;
        let of = type_in_form::<Opaque, MemoryOnly>();
        let codec = of.codec(DefaultCodec::Bincode);
        assert!(codec.encode(ValueRef::new(of, &Opaque), &mut Vec::new()).is_err());
        assert!(codec.decode(&[]).is_err());
        assert!(ValueRef::new(of, &Opaque).cloned().is_some());
    }
}
