//! Any value of serde's data model.

use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{
    SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeStructVariant as _,
    SerializeTuple as _, SerializeTupleStruct as _, SerializeTupleVariant as _, Serializer,
};

pub(super) const NAMES: [&str; 4] = ["", "a", "ab", "b"];

pub(super) type Fields = Vec<(&'static str, Data)>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Unit,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    U128(u128),
    I128(i128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Octets(Vec<u8>),
    /// Eight elements, each a `u8`, of the tuple that it is in.
    Eight(u64),
    None,
    Some(Box<Data>),
    Seq(Vec<Data>),
    Tuple(Vec<Data>),
    Map(Vec<(String, Data)>),
    UnitStruct(&'static str),
    NewtypeStruct(&'static str, Box<Data>),
    TupleStruct(&'static str, Vec<Data>),
    Struct(&'static str, Fields),
    Variant(&'static str, u32, &'static str, Content),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Unit,
    Newtype(Box<Data>),
    Tuple(Vec<Data>),
    Struct(Fields),
}

pub(super) fn data() -> impl Strategy<Value = Data> {
    leaf().prop_recursive(4, 48, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        let element = prop_oneof![inner.clone(), any::<u64>().prop_map(Data::Eight)];
        let tuple = prop::collection::vec(element, 0..4);
        let fields = || prop::collection::vec((name(), inner.clone()), 0..4);
        let map = prop::collection::btree_map("[ab]{0,2}", inner.clone(), 0..4)
            .prop_map(|map| Data::Map(map.into_iter().collect()));
        let content = prop_oneof![
            Just(Content::Unit),
            inner.clone().prop_map(|value| Content::Newtype(Box::new(value))),
            list().prop_map(Content::Tuple),
            fields().prop_map(Content::Struct),
        ];
        prop_oneof![
            inner.clone().prop_map(|value| Data::Some(Box::new(value))),
            list().prop_map(Data::Seq),
            tuple.prop_map(Data::Tuple),
            map,
            (name(), inner.clone()).prop_map(|(n, value)| Data::NewtypeStruct(n, Box::new(value))),
            (name(), list()).prop_map(|(n, list)| Data::TupleStruct(n, list)),
            (name(), fields()).prop_map(|(n, fields)| Data::Struct(n, fields)),
            (name(), 0..300_u32, name(), content)
                .prop_map(|(n, i, v, c)| Data::Variant(n, i, v, c)),
        ]
    })
}

fn leaf() -> impl Strategy<Value = Data> {
    prop_oneof![
        Just(Data::Unit),
        Just(Data::None),
        any::<bool>().prop_map(Data::Bool),
        any::<u64>().prop_map(Data::Unsigned),
        any::<i64>().prop_map(Data::Signed),
        any::<u128>().prop_map(Data::U128),
        any::<i128>().prop_map(Data::I128),
        any::<f32>().prop_map(Data::F32),
        any::<f64>().prop_map(Data::F64),
        any::<char>().prop_map(Data::Char),
        ".{0,6}".prop_map(Data::Str),
        "x{250,260}".prop_map(Data::Str),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Data::Bytes),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Data::Octets),
        prop::collection::vec(any::<u8>(), 510..516).prop_map(Data::Octets),
        name().prop_map(Data::UnitStruct),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

macro_rules! feed {
    ($group:expr, $method:ident, $list:expr) => {{
        let mut group = $group?;
        $list.iter().try_for_each(|value| group.$method(value))?;
        group.end()
    }};
    (named $group:expr, $method:ident, $list:expr) => {{
        let mut group = $group?;
        $list.iter().try_for_each(|(name, value)| group.$method(name, value))?;
        group.end()
    }};
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Data::Unit => s.serialize_unit(),
            Data::Bool(value) => s.serialize_bool(*value),
            Data::Unsigned(value) => s.serialize_u64(*value),
            Data::Signed(value) => s.serialize_i64(*value),
            Data::U128(value) => s.serialize_u128(*value),
            Data::I128(value) => s.serialize_i128(*value),
            Data::F32(value) => s.serialize_f32(*value),
            Data::F64(value) => s.serialize_f64(*value),
            Data::Char(value) => s.serialize_char(*value),
            Data::Str(value) => s.serialize_str(value),
            Data::Bytes(value) => s.serialize_bytes(value),
            Data::Octets(value) => value.serialize(s),
            Data::None => s.serialize_none(),
            Data::Some(value) => s.serialize_some(value),
            Data::Seq(list) => feed!(s.serialize_seq(None), serialize_element, list),
            Data::Eight(word) => word.to_le_bytes().serialize(s),
            Data::Tuple(list) => {
                let mut group = s.serialize_tuple(list.len())?;
                list.iter().try_for_each(|element| match element {
                    Data::Eight(word) => {
                        word.to_le_bytes().iter().try_for_each(|o| group.serialize_element(o))
                    }
                    element => group.serialize_element(element),
                })?;
                group.end()
            }
            Data::Map(list) => feed!(named s.serialize_map(None), serialize_entry, list),
            Data::UnitStruct(name) => s.serialize_unit_struct(name),
            Data::NewtypeStruct(name, value) => s.serialize_newtype_struct(name, value),
            Data::TupleStruct(name, list) => {
                feed!(s.serialize_tuple_struct(name, list.len()), serialize_field, list)
            }
            Data::Struct(name, list) => {
                feed!(named s.serialize_struct(name, list.len()), serialize_field, list)
            }
            Data::Variant(name, index, variant, content) => {
                content.serialize(s, name, *index, variant)
            }
        }
    }
}

impl Content {
    fn serialize<S: Serializer>(
        &self,
        s: S,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        match self {
            Content::Unit => s.serialize_unit_variant(name, index, variant),
            Content::Newtype(value) => s.serialize_newtype_variant(name, index, variant, value),
            Content::Tuple(list) => feed!(
                s.serialize_tuple_variant(name, index, variant, list.len()),
                serialize_field,
                list
            ),
            Content::Struct(list) => feed!(
                named s.serialize_struct_variant(name, index, variant, list.len()),
                serialize_field,
                list
            ),
        }
    }
}
