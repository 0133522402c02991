//! The sizes of the types in a value, found out through its `Deserialize`.
//!
//! A `Deserialize` requests the elements of a collection *by their type*, so the size of the type is known.
//! So each type of values is deserialised once without input, independently of the values. Each request is
//! noted, and answered with an error. The next round offers another field or variant, until there is no new
//! request. No value of a user's type is ever made.

use std::any::{TypeId, type_name};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::mem::{needs_drop, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use once_cell::sync::Lazy;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use crate::support::lock::RwLock;

/// The size of a type, and whether its values own anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeSize {
    pub(super) bytes: usize,
    pub(super) owns: bool,
}

/// The sizes, by the names of the types.
pub(super) type Sizes = HashMap<&'static str, TypeSize>;

/// The maximum number of fields, variants and element types of a type.
const MOST: usize = 20_000;

#[derive(Clone, Default)]
struct Learnt {
    types: HashSet<TypeId>,
    sizes: Arc<Sizes>,
}

static LEARNT: Lazy<RwLock<Learnt>> = Lazy::new(RwLock::default);

/// Returns the sizes of all types that a `V` may contain, and others.
pub(super) fn sizes<V: DeserializeOwned + 'static>() -> Arc<Sizes> {
    let id = TypeId::of::<V>();
    let learnt = LEARNT.read();
    if learnt.types.contains(&id) {
        return Arc::clone(&learnt.sizes);
    }
    drop(learnt);
    let new = learn::<V>();
    let mut learnt = LEARNT.write();
    learnt.types.insert(id);
    Arc::make_mut(&mut learnt.sizes).extend(new);
    Arc::clone(&learnt.sizes)
}

fn learn<V: DeserializeOwned>() -> Sizes {
    let mut learning = Learning::default();
    learning.path.push(type_name::<V>());
    for _ in 0..MOST {
        let before = learning.news;
        // R3: a panic in a user's `Deserialize` must not fail the store of a value.
        let probe = AssertUnwindSafe(|| drop(V::deserialize(TypeProbe(&mut learning))));
        if catch_unwind(probe).is_err() || learning.news == before {
            break;
        }
    }
    learning.sizes
}

#[derive(Default)]
struct Learning {
    sizes: Sizes,
    /// The index of the field, variant or element that is offered next, for each type.
    next: HashMap<(&'static str, Option<u32>), usize>,
    /// The nested types whose requests are under way.
    path: Vec<&'static str>,
    /// The number of discoveries so far.
    news: usize,
}

impl Learning {
    fn here(&self) -> &'static str {
        self.path.last().copied().unwrap_or_default()
    }

    fn next(&self, variant: Option<u32>) -> usize {
        self.next.get(&(self.here(), variant)).copied().unwrap_or(0)
    }

    /// Lets `ask` request the next of `count` parts. If that yields nothing new, the next call requests the
    /// part after it.
    fn turn<T>(
        &mut self,
        variant: Option<u32>,
        count: usize,
        ask: impl FnOnce(&mut Self, usize) -> Result<T, Told>,
    ) -> Result<T, Told> {
        let (here, index) = (self.here(), self.next(variant));
        if index >= count {
            return Err(Told);
        }
        let before = self.news;
        let told = ask(self, index);
        if self.news == before {
            self.next.insert((here, variant), index + 1);
            self.news += 1;
        }
        told
    }

    /// Notes a request for a value of this type.
    fn note<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Told {
        let name = type_name::<S::Value>();
        let size = TypeSize { bytes: size_of::<S::Value>(), owns: needs_drop::<S::Value>() };
        if self.sizes.insert(name, size).is_none() {
            self.news += 1;
        }
        if size.owns && !self.path.contains(&name) {
            self.path.push(name);
            let _ = seed.deserialize(TypeProbe(self));
            self.path.pop();
        }
        Told
    }
}

/// Returns true if a type, with all types in it, is of the language or its standard library. Then an empty
/// value of it can be made without running code of the user.
fn is_plain(type_name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let foreign = |word: &str| {
        word.contains("::")
            && !["alloc::", "core::", "std::"].iter().any(|own| word.starts_with(own))
    };
    !type_name.split(|c| !is_part(c)).any(foreign)
}

/// A deserializer that notes the requested types and has no input.
struct TypeProbe<'a>(&'a mut Learning);

macro_rules! nothing {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
            Err(Told)
        }
    )*};
}

impl<'de> Deserializer<'de> for TypeProbe<'_> {
    type Error = Told;

    nothing!(
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_identifier deserialize_ignored_any
    );

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Told> {
        Err(Told)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Told> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_seq(ElementsProbe { learning: self.0, index: 0, wanted: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Told> {
        self.0.turn(None, len, |learning, wanted| {
            visitor.visit_seq(ElementsProbe { learning, index: 0, wanted })
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Told> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_map(EntriesProbe(self.0))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Told> {
        field(self.0, None, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Told> {
        // This key for the variants is larger than the index of any variant, so it does not collide with one.
        self.0.turn(Some(u32::MAX), variants.len(), |learning, index| {
            let name = variants.get(index).copied().unwrap_or_default();
            visitor.visit_enum(VariantProbe { learning, index: index as u32, name })
        })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

fn field<'de, V: Visitor<'de>>(
    learning: &mut Learning,
    variant: Option<u32>,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, Told> {
    learning.turn(variant, fields.len(), |learning, index| {
        let name = fields.get(index).copied().unwrap_or_default();
        visitor.visit_map(FieldProbe { learning, name })
    })
}

/// A sequence: the requested element is noted, and the elements before it are empty values.
struct ElementsProbe<'a> {
    learning: &'a mut Learning,
    index: usize,
    wanted: usize,
}

impl<'de> SeqAccess<'de> for ElementsProbe<'_> {
    type Error = Told;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Told> {
        self.index += 1;
        if self.index <= self.wanted && is_plain(type_name::<S::Value>()) {
            return seed.deserialize(EmptyValue).map(Some);
        }
        Err(self.learning.note(seed))
    }
}

/// A map: key and value are noted at once.
struct EntriesProbe<'a>(&'a mut Learning);

impl<'de> MapAccess<'de> for EntriesProbe<'_> {
    type Error = Told;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Told> {
        if is_plain(type_name::<S::Value>()) {
            return seed.deserialize(EmptyValue).map(Some);
        }
        Err(self.0.note(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Told> {
        Err(self.0.note(seed))
    }

    fn next_entry_seed<K, V>(
        &mut self,
        key: K,
        value: V,
    ) -> Result<Option<(K::Value, V::Value)>, Told>
    where
        K: DeserializeSeed<'de>,
        V: DeserializeSeed<'de>,
    {
        let _ = self.0.note(key);
        Err(self.0.note(value))
    }
}

/// One field of a struct.
struct FieldProbe<'a> {
    learning: &'a mut Learning,
    name: &'static str,
}

impl<'de> MapAccess<'de> for FieldProbe<'_> {
    type Error = Told;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Told> {
        let name: StrDeserializer<'_, Told> = self.name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Told> {
        Err(self.learning.note(seed))
    }
}

/// One variant of an enum.
struct VariantProbe<'a> {
    learning: &'a mut Learning,
    index: u32,
    name: &'static str,
}

impl<'de> EnumAccess<'de> for VariantProbe<'_> {
    type Error = Told;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Told> {
        let name: StrDeserializer<'_, Told> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for VariantProbe<'_> {
    type Error = Told;

    fn unit_variant(self) -> Result<(), Told> {
        Err(Told)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Told> {
        Err(self.learning.note(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Told> {
        self.learning.turn(Some(self.index), len, |learning, wanted| {
            visitor.visit_seq(ElementsProbe { learning, index: 0, wanted })
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Told> {
        field(self.learning, Some(self.index), fields, visitor)
    }
}

/// A deserializer that returns empty values of the types of the language: zero, no text, no elements.
struct EmptyValue;

macro_rules! empty {
    ($($method:ident => $visit:ident($value:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for EmptyValue {
    type Error = Told;

    empty! {
        deserialize_bool => visit_bool(false);
        deserialize_i8 => visit_i8(0);
        deserialize_i16 => visit_i16(0);
        deserialize_i32 => visit_i32(0);
        deserialize_i64 => visit_i64(0);
        deserialize_i128 => visit_i128(0);
        deserialize_u8 => visit_u8(0);
        deserialize_u16 => visit_u16(0);
        deserialize_u32 => visit_u32(0);
        deserialize_u64 => visit_u64(0);
        deserialize_u128 => visit_u128(0);
        deserialize_f32 => visit_f32(0.0);
        deserialize_f64 => visit_f64(0.0);
        deserialize_char => visit_char('0');
        deserialize_str => visit_str("");
        deserialize_string => visit_str("");
        deserialize_bytes => visit_bytes(&[]);
        deserialize_byte_buf => visit_bytes(&[]);
        deserialize_seq => visit_seq(NoElements);
        deserialize_map => visit_map(NoElements);
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_seq(Zeros)
    }

    serde::forward_to_deserialize_any! {
        unit_struct newtype_struct tuple_struct struct enum identifier ignored_any
    }
}

/// A sequence or map without elements.
struct NoElements;

impl<'de> SeqAccess<'de> for NoElements {
    type Error = Told;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        _: S,
    ) -> Result<Option<S::Value>, Told> {
        Ok(None)
    }
}

impl<'de> MapAccess<'de> for NoElements {
    type Error = Told;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, _: S) -> Result<Option<S::Value>, Told> {
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, _: S) -> Result<S::Value, Told> {
        Err(Told)
    }
}

/// An endless sequence of zeros.
struct Zeros;

impl<'de> SeqAccess<'de> for Zeros {
    type Error = Told;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Told> {
        seed.deserialize(EmptyValue).map(Some)
    }
}

/// The answer to every request.
#[derive(Debug)]
struct Told;

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is there: a type's size was asked for")
    }
}

impl std::error::Error for Told {}

impl serde::de::Error for Told {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Told
    }
}
