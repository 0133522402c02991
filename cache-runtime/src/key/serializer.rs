//! The walk over serde's data model.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde::ser::{self, Error as _, Serializer};
use smallvec::SmallVec;

use super::error::KeyError;
use super::map::SortedMap;
use super::octets::{self, Packed};
use super::sink::{FeedValue, Sink};
use super::tag;

/// Feeds one value to a sink.
pub(super) struct KeySerializer<'a, S> {
    sink: &'a mut S,
}

impl<'a, S: Sink> KeySerializer<'a, S> {
    #[inline]
    pub(super) fn new(sink: &'a mut S) -> Self {
        Self { sink }
    }

    #[inline]
    fn group(self) -> Group<'a, S> {
        Group { sink: self.sink }
    }

    #[inline]
    fn named(self, tag: u8, name: &str) -> Result<Self, KeyError> {
        self.sink.bytes(tag, name.as_bytes())?;
        Ok(self)
    }

    #[inline]
    fn variant(self, tag: u8, name: &str, index: u32, variant: &str) -> Result<Self, KeyError> {
        self.sink.bytes(tag, name.as_bytes())?;
        self.sink.count(tag::INDEX, index.into())?;
        self.sink.bytes(tag::VARIANT, variant.as_bytes())?;
        Ok(self)
    }

    #[inline]
    fn two_words(self, tag: u8, value: u128) -> Result<(), KeyError> {
        self.sink.word(tag, value as u64)?;
        self.sink.word(tag, (value >> 64) as u64)
    }
}

impl<S: Sink> FeedValue for S {
    #[inline]
    fn feed_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        value.serialize(KeySerializer::new(self))
    }
}

macro_rules! integers {
    ($($method:ident: $from:ty, $tag:expr;)*) => {$(
        #[inline]
        fn $method(self, value: $from) -> Result<(), KeyError> {
            // A signed value keeps its 64-bit two's complement.
            self.sink.word($tag, value as u64)
        }
    )*};
}

impl<'a, S: Sink> Serializer for KeySerializer<'a, S> {
    type Ok = ();
    type Error = KeyError;
    type SerializeSeq = Group<'a, S>;
    type SerializeTuple = Tuple<'a, S>;
    type SerializeTupleStruct = Group<'a, S>;
    type SerializeTupleVariant = Group<'a, S>;
    type SerializeMap = SortedMap<'a, S>;
    type SerializeStruct = Group<'a, S>;
    type SerializeStructVariant = Group<'a, S>;

    integers! {
        serialize_u8: u8, tag::UNSIGNED;
        serialize_u16: u16, tag::UNSIGNED;
        serialize_u32: u32, tag::UNSIGNED;
        serialize_u64: u64, tag::UNSIGNED;
        serialize_i8: i8, tag::SIGNED;
        serialize_i16: i16, tag::SIGNED;
        serialize_i32: i32, tag::SIGNED;
        serialize_i64: i64, tag::SIGNED;
        serialize_char: char, tag::CHAR;
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<(), KeyError> {
        self.two_words(tag::U128, value)
    }

    #[inline]
    fn serialize_i128(self, value: i128) -> Result<(), KeyError> {
        self.two_words(tag::I128, value as u128)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), KeyError> {
        let canonical = if value.is_nan() { f32::NAN } else { value + 0.0 };
        self.sink.word(tag::F32, canonical.to_bits().into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), KeyError> {
        let canonical = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.sink.word(tag::F64, canonical.to_bits())
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), KeyError> {
        self.sink.tag(if value { tag::TRUE } else { tag::FALSE })
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), KeyError> {
        self.sink.bytes(tag::STR, value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), KeyError> {
        self.sink.bytes(tag::BYTES, value)
    }

    #[inline]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        let mut text = Text(SmallVec::new());
        write!(text, "{value}").map_err(KeyError::custom)?;
        self.sink.bytes(tag::STR, &text.0)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), KeyError> {
        self.sink.tag(tag::UNIT)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), KeyError> {
        self.sink.tag(tag::NONE)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        self.sink.tag(tag::SOME)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<(), KeyError> {
        self.sink.bytes(tag::UNIT_STRUCT, name.as_bytes())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        value.serialize(self.named(tag::NEWTYPE_STRUCT, name)?)
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), KeyError> {
        self.variant(tag::UNIT_VARIANT, name, index, variant).map(drop)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        value.serialize(self.variant(tag::NEWTYPE_VARIANT, name, index, variant)?)
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Group<'a, S>, KeyError> {
        self.sink.tag(tag::SEQ)?;
        Ok(self.group())
    }

    #[inline]
    fn collect_seq<I>(self, elements: I) -> Result<(), KeyError>
    where
        I: IntoIterator<Item: Serialize>,
    {
        if octets::are::<I::Item>() {
            return octets::feed(self.sink, elements.into_iter());
        }
        let mut group = self.serialize_seq(None)?;
        elements.into_iter().try_for_each(|element| group.element(&element))?;
        ser::SerializeSeq::end(group)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Tuple<'a, S>, KeyError> {
        self.sink.tag(tag::TUPLE)?;
        Ok(Tuple { group: self.group(), packed: Packed::default() })
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Group<'a, S>, KeyError> {
        self.named(tag::TUPLE_STRUCT, name).map(Self::group)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Group<'a, S>, KeyError> {
        self.variant(tag::TUPLE_VARIANT, name, index, variant).map(Self::group)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<SortedMap<'a, S>, KeyError> {
        Ok(SortedMap::new(self.sink))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Group<'a, S>, KeyError> {
        self.named(tag::STRUCT, name).map(Self::group)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Group<'a, S>, KeyError> {
        self.variant(tag::STRUCT_VARIANT, name, index, variant).map(Self::group)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Elements or fields up to an end mark. The mark replaces a length. So a sequence that does not know its
/// length encodes like one that does, and a wrong length does no harm.
pub(super) struct Group<'a, S> {
    sink: &'a mut S,
}

impl<S: Sink> Group<'_, S> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        self.sink.feed_value(value)
    }

    // The name is necessary: with skipped fields and untagged enums, it may be the only difference.
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), KeyError> {
        self.sink.bytes(tag::FIELD, name.as_bytes())?;
        self.element(value)
    }
}

macro_rules! groups_of_elements {
    ($($compound:ident::$method:ident)*) => {$(
        impl<S: Sink> ser::$compound for Group<'_, S> {
            type Ok = ();
            type Error = KeyError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), KeyError> {
                self.sink.tag(tag::END)
            }
        }
    )*};
}

groups_of_elements! {
    SerializeSeq::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// Elements of a tuple, or of an array.
pub(super) struct Tuple<'a, S> {
    group: Group<'a, S>,
    packed: Packed,
}

impl<S: Sink> ser::SerializeTuple for Tuple<'_, S> {
    type Ok = ();
    type Error = KeyError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        if octets::are::<T>() {
            return self.packed.add(self.group.sink, value);
        }
        self.packed.finish(self.group.sink)?;
        self.group.element(value)
    }

    #[inline]
    fn end(mut self) -> Result<(), KeyError> {
        self.packed.finish(self.group.sink)?;
        self.group.sink.tag(tag::END)
    }
}

macro_rules! groups_of_fields {
    ($($compound:ident)*) => {$(
        impl<S: Sink> ser::$compound for Group<'_, S> {
            type Ok = ();
            type Error = KeyError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), KeyError> {
                self.field(name, value)
            }

            #[inline]
            fn end(self) -> Result<(), KeyError> {
                self.sink.tag(tag::END)
            }
        }
    )*};
}

groups_of_fields! { SerializeStruct SerializeStructVariant }

/// Text of a `Display`, on the stack while it is short.
struct Text(SmallVec<[u8; 64]>);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
