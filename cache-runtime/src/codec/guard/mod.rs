//! Bounds on what bytes can make a decoder do.
//!
//! A positional format believes what it reads: a length of 2^64 elements that take no bytes each
//! (`Vec<()>`) keeps it spinning for centuries, a length of 4 GiB allocates 4 GiB before the first
//! byte is missed, and a recursive type recurses until the stack ends. The guard stands between the
//! format and the type and keeps count.

mod access;
mod visitor;

use std::cell::Cell;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, Visitor};

/// Elements of sequences and maps that are granted beyond one for each byte of input.
const FREE_ELEMENTS: usize = 4096;

/// Values inside values, at most. Beyond it a call stack of 2 MiB is in danger without
/// optimisation.
const MAX_DEPTH: u16 = 256;

/// What one decoding may still do.
#[derive(Debug)]
pub(super) struct Limits {
    elements: Cell<usize>,
}

impl Limits {
    pub(super) fn for_input(bytes: &[u8]) -> Self {
        Self { elements: Cell::new(bytes.len() + FREE_ELEMENTS) }
    }

    fn claim_element<E: Error>(&self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(E::custom("more elements than the input can hold")),
        }
    }
}

/// The place in the input: the limits of the whole and the depth here.
#[derive(Clone, Copy)]
struct Nesting<'l> {
    limits: &'l Limits,
    depth: u16,
}

impl Nesting<'_> {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("values are nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

/// Decodes a `T` within limits.
pub(super) struct Guarded<'l, T> {
    limits: &'l Limits,
    value: PhantomData<T>,
}

impl<'l, T> Guarded<'l, T> {
    pub(super) fn new(limits: &'l Limits) -> Self {
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

/// Something of serde's that leads to values, and hands each on guarded.
struct Wrap<'l, T> {
    inner: T,
    place: Nesting<'l>,
    /// True if elements are counted: their number comes from the input, not from the type.
    counted: bool,
}

impl<'l, T> Wrap<'l, T> {
    fn around<U>(&self, inner: U) -> Wrap<'l, U> {
        Wrap { inner, place: self.place, counted: self.counted }
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
            self.inner.$method($($arg,)* Wrap { inner: visitor, place, counted: $elements })
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
