//! The deserializer between a format and a type. It changes no value, and keeps nested values guarded.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::limits::{Limits, Nesting};

/// Decodes a `T` within limits.
pub(in crate::format::codec) struct Guarded<'l, T> {
    limits: &'l Limits,
    value: PhantomData<T>,
}

impl<'l, T> Guarded<'l, T> {
    pub(in crate::format::codec) fn new(limits: &'l Limits) -> Self {
        Self { limits, value: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Guarded<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(Guard {
            inner: deserializer,
            place: Nesting { limits: self.limits, depth: 0 },
        })
    }
}

/// A deserializer within limits.
struct Guard<'l, D> {
    inner: D,
    place: Nesting<'l>,
}

/// Kinds of values that hold no others.
macro_rules! leaves {
    ($($method:ident => $inner:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$inner(visitor)
        }
    )*};
}

/// Kinds of values that hold others; those that the type counts have no `elements`.
macro_rules! groups {
    ($($method:ident($($arg:ident: $kind:ty),*), $elements:expr;)*) => {$(
        #[inline]
        fn $method<V>(self, $($arg: $kind,)* visitor: V) -> Result<V::Value, D::Error>
        where
            V: Visitor<'de>,
        {
            let place = self.place.inside()?;
            self.inner.$method($($arg,)* GuardedPart { inner: visitor, place, counted: $elements })
        }
    )*};
}

const COUNTED: bool = true;
const BY_TYPE: bool = false;

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guard<'_, D> {
    type Error = D::Error;

    leaves! {
        deserialize_bool => deserialize_bool;
        deserialize_i8 => deserialize_i8;
        deserialize_i16 => deserialize_i16;
        deserialize_i32 => deserialize_i32;
        deserialize_i64 => deserialize_i64;
        deserialize_i128 => deserialize_i128;
        deserialize_u8 => deserialize_u8;
        deserialize_u16 => deserialize_u16;
        deserialize_u32 => deserialize_u32;
        deserialize_u64 => deserialize_u64;
        deserialize_u128 => deserialize_u128;
        deserialize_f32 => deserialize_f32;
        deserialize_f64 => deserialize_f64;
        deserialize_char => deserialize_char;
        deserialize_str => deserialize_str;
        // The owning forms may allocate the claimed length before they look for the bytes; the
        // borrowing ones cannot.
        deserialize_string => deserialize_str;
        deserialize_bytes => deserialize_bytes;
        deserialize_byte_buf => deserialize_bytes;
        deserialize_unit => deserialize_unit;
        deserialize_identifier => deserialize_identifier;
        deserialize_ignored_any => deserialize_ignored_any;
    }

    groups! {
        deserialize_any(), COUNTED;
        deserialize_seq(), COUNTED;
        deserialize_map(), COUNTED;
        deserialize_option(), BY_TYPE;
        deserialize_unit_struct(name: &'static str), BY_TYPE;
        deserialize_newtype_struct(name: &'static str), BY_TYPE;
        deserialize_tuple(length: usize), BY_TYPE;
        deserialize_tuple_struct(name: &'static str, length: usize), BY_TYPE;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]), BY_TYPE;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]), BY_TYPE;
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A part of serde's data model that leads to values. It passes each value on guarded.
struct GuardedPart<'l, T> {
    inner: T,
    place: Nesting<'l>,
    /// True if elements are counted: their number comes from the input, not from the type.
    counted: bool,
}

impl<'l, T> GuardedPart<'l, T> {
    fn around<U>(&self, inner: U) -> GuardedPart<'l, U> {
        GuardedPart { inner, place: self.place, counted: self.counted }
    }

    #[inline]
    fn count<V, E: Error>(&self, element: &Option<V>) -> Result<(), E> {
        if self.counted && element.is_some() { self.place.limits.claim_element() } else { Ok(()) }
    }

    fn hint(&self, claimed: Option<usize>) -> Option<usize> {
        if self.counted {
            claimed.map(|n| n.min(self.place.limits.elements.get()))
        } else {
            claimed
        }
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for GuardedPart<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Guard { inner: deserializer, place: self.place })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for GuardedPart<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        let element = self.inner.next_element_seed(seed)?;
        self.count(&element)?;
        Ok(element)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for GuardedPart<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        let key = self.inner.next_key_seed(seed)?;
        self.count(&key)?;
        Ok(key)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.next_value_seed(seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, 'l, A: EnumAccess<'de>> EnumAccess<'de> for GuardedPart<'l, A> {
    type Error = A::Error;
    type Variant = GuardedPart<'l, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let GuardedPart { place, counted, .. } = self;
        let seed = self.around(seed);
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, GuardedPart { inner, place, counted }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for GuardedPart<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.newtype_variant_seed(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = GuardedPart { counted: BY_TYPE, ..self.around(visitor) };
        self.inner.tuple_variant(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = GuardedPart { counted: BY_TYPE, ..self.around(visitor) };
        self.inner.struct_variant(fields, visitor)
    }
}

/// Kinds of values that are passed on unchanged.
macro_rules! visits {
    ($($method:ident: $kind:ty;)*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for GuardedPart<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visits! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Guard { inner: deserializer, place: self.place })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Guard { inner: deserializer, place: self.place })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_seq(access)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_map(access)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_enum(access)
    }
}
