//! Walking through a value, and adding up what its parts take.
//!
//! The serializer's output is the size of what was serialised *itself*, as far as that is known: what stands
//! in a struct takes no memory of its own. What is on the heap is added to a sum on the way.

use std::any::type_name;
use std::fmt;
use std::mem::needs_drop;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::layout::{Layout, block, size_of_primitive};
use super::learn::{Size, Sizes};

pub(super) fn heap_size<V: Serialize>(value: &V, sizes: &Sizes) -> usize {
    let mut heap = 0;
    // What fails counts with what was seen up to the failure.
    let _ = Walk { sizes, heap: &mut heap }.add(value);
    heap
}

struct Walk<'a> {
    sizes: &'a Sizes,
    heap: &'a mut usize,
}

/// The serializer of one value.
struct One<'a> {
    walk: Walk<'a>,
    layout: Layout,
}

/// What is known of the type of a part of a value.
#[derive(Clone, Copy)]
enum Part {
    /// It owns nothing.
    Plain(usize),
    /// It may own something.
    Owns { bytes: Option<usize>, layout: Layout },
}

impl Part {
    /// Of a reference: what it refers to.
    fn of<T: ?Sized>(value: Option<&T>, sizes: &Sizes) -> Self {
        let name = type_name::<T>();
        let target = name.trim_start_matches('&');
        let size = if target.len() == name.len() {
            value.map(|value| Size { bytes: size_of_val(value), owns: needs_drop::<T>() })
        } else if let Some(bytes) = size_of_primitive(target) {
            return Part::Plain(bytes);
        } else {
            sizes.get(target).copied()
        };
        match size {
            Some(Size { bytes, owns: false }) => Part::Plain(bytes),
            _ => Part::Owns { bytes: size.map(|size| size.bytes), layout: Layout::of(target) },
        }
    }
}

impl Walk<'_> {
    fn reborrow(&mut self) -> Walk<'_> {
        Walk { sizes: self.sizes, heap: self.heap }
    }

    /// Adds what a part of a value has on the heap, and returns how large it is itself.
    fn add<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<usize, Failed> {
        self.add_part(value, &Part::of(Some(value), self.sizes))
    }

    fn add_part<T: ?Sized + Serialize>(&mut self, value: &T, part: &Part) -> Result<usize, Failed> {
        let layout = match *part {
            Part::Plain(bytes) => return Ok(bytes),
            Part::Owns { layout, .. } => layout,
        };
        let inside =
            if layout == Layout::Boxed { Layout::inside(type_name::<T>()) } else { layout };
        let inner = value.serialize(One { walk: self.reborrow(), layout: inside })?;
        let Part::Owns { bytes, .. } = *part else { return Ok(inner) };
        if layout != Layout::Boxed {
            return Ok(bytes.unwrap_or(inner));
        }
        let itself = bytes.unwrap_or(layout.own_size());
        // Of a text or a slice the pointer has a length beside it, and the block has been counted.
        if itself == layout.own_size() {
            *self.heap += block(COUNTS + inner);
        }
        Ok(itself)
    }

    fn add_block(&mut self, bytes: usize) -> usize {
        *self.heap += block(bytes);
        Layout::Block.own_size()
    }
}

/// A collection of which some elements have been seen.
struct Many<'a> {
    one: One<'a>,
    count: usize,
    /// The sizes of an element: of the largest, where they differ.
    key: usize,
    value: usize,
    /// Fields of a struct that is written as a map.
    inline: usize,
    /// Whether the last key is a field's name.
    named: bool,
}

impl Many<'_> {
    fn add_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        let size = self.one.walk.add(value)?;
        self.value = self.value.max(size);
        Ok(())
    }

    fn finish(self) -> usize {
        let size = (self.key + self.value).next_multiple_of(if self.key > 0 { 8 } else { 1 });
        *self.one.walk.heap += self.one.layout.bytes(self.count, size);
        self.one.layout.own_size() + self.inline
    }
}

/// Parts that stand in the value itself.
struct Inline<'a> {
    walk: Walk<'a>,
    bytes: usize,
}

impl Inline<'_> {
    fn add<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        self.bytes += self.walk.add(value)?;
        Ok(())
    }
}

impl<'a> One<'a> {
    fn inline(self, tag: usize) -> Inline<'a> {
        Inline { walk: self.walk, bytes: tag }
    }

    fn many(self) -> Many<'a> {
        Many { one: self, count: 0, key: 0, value: 0, inline: 0, named: false }
    }
}

/// The reference counts beside a value that is shared.
const COUNTS: usize = 16;
/// What tells the variant of an enum, aligned.
const TAG: usize = 8;

macro_rules! leaves {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, _: $type) -> Result<usize, Failed> {
            Ok(size_of::<$type>())
        }
    )*};
}

impl<'a> Serializer for One<'a> {
    type Ok = usize;
    type Error = Failed;
    type SerializeSeq = Many<'a>;
    type SerializeTuple = Inline<'a>;
    type SerializeTupleStruct = Inline<'a>;
    type SerializeTupleVariant = Inline<'a>;
    type SerializeMap = Many<'a>;
    type SerializeStruct = Inline<'a>;
    type SerializeStructVariant = Inline<'a>;

    leaves!(
        serialize_bool: bool, serialize_char: char,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_str(mut self, text: &str) -> Result<usize, Failed> {
        Ok(self.walk.add_block(text.len()))
    }

    fn serialize_bytes(mut self, bytes: &[u8]) -> Result<usize, Failed> {
        Ok(self.walk.add_block(bytes.len()))
    }

    fn serialize_none(self) -> Result<usize, Failed> {
        Ok(1)
    }

    fn serialize_some<T: ?Sized + Serialize>(mut self, value: &T) -> Result<usize, Failed> {
        self.walk.add(value)
    }

    fn serialize_unit(self) -> Result<usize, Failed> {
        Ok(0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<usize, Failed> {
        Ok(0)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<usize, Failed> {
        Ok(1)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        mut self,
        _: &'static str,
        value: &T,
    ) -> Result<usize, Failed> {
        self.walk.add(value)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        mut self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<usize, Failed> {
        Ok(TAG + self.walk.add(value)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Many<'a>, Failed> {
        Ok(self.many())
    }

    fn collect_seq<I>(self, elements: I) -> Result<usize, Failed>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut many = self.many();
        let part = Part::of::<I::Item>(None, many.one.walk.sizes);
        if let Part::Plain(bytes) = part {
            (many.value, many.count) = (bytes, elements.into_iter().count());
            return Ok(many.finish());
        }
        for element in elements {
            many.count += 1;
            many.value = many.value.max(many.one.walk.add_part(&element, &part)?);
        }
        Ok(many.finish())
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result<usize, Failed>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut many = self.many();
        let sizes = many.one.walk.sizes;
        let (of_key, of_value) = (Part::of::<K>(None, sizes), Part::of::<V>(None, sizes));
        for (key, value) in entries {
            many.count += 1;
            many.key = many.key.max(many.one.walk.add_part(&key, &of_key)?);
            many.value = many.value.max(many.one.walk.add_part(&value, &of_value)?);
        }
        Ok(many.finish())
    }

    fn serialize_tuple(self, _: usize) -> Result<Inline<'a>, Failed> {
        Ok(self.inline(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inline<'a>, Failed> {
        Ok(self.inline(0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inline<'a>, Failed> {
        Ok(self.inline(TAG))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Many<'a>, Failed> {
        Ok(self.many())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inline<'a>, Failed> {
        Ok(self.inline(0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inline<'a>, Failed> {
        Ok(self.inline(TAG))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl SerializeSeq for Many<'_> {
    type Ok = usize;
    type Error = Failed;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        self.count += 1;
        self.add_value(value)
    }

    fn end(self) -> Result<usize, Failed> {
        Ok(self.finish())
    }
}

impl SerializeMap for Many<'_> {
    type Ok = usize;
    type Error = Failed;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Failed> {
        // Keys that are owned are those of a map; a struct that is flattened writes its fields' names.
        self.named = type_name::<T>() == type_name::<str>();
        if !self.named {
            self.count += 1;
            self.key = self.key.max(self.one.walk.add(key)?);
        }
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        if self.named {
            self.inline += self.one.walk.add(value)?;
            return Ok(());
        }
        self.add_value(value)
    }

    fn end(self) -> Result<usize, Failed> {
        Ok(self.finish())
    }
}

macro_rules! inline {
    ($($trait:ident::$method:ident),*) => {$(
        impl $trait for Inline<'_> {
            type Ok = usize;
            type Error = Failed;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
                self.add(value)
            }

            fn end(self) -> Result<usize, Failed> {
                Ok(self.bytes)
            }
        }
    )*};
}

inline!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! inline_fields {
    ($($trait:ident),*) => {$(
        impl $trait for Inline<'_> {
            type Ok = usize;
            type Error = Failed;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), Failed> {
                self.add(value)
            }

            fn end(self) -> Result<usize, Failed> {
                Ok(self.bytes)
            }
        }
    )*};
}

inline_fields!(SerializeStruct, SerializeStructVariant);

/// A `Serialize` that has failed.
#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value cannot be serialised")
    }
}

impl std::error::Error for Failed {}

impl serde::ser::Error for Failed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Failed
    }
}
