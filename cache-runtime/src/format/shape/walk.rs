//! The walk over a value: one pass of its `Serialize` yields all requested results.
//!
//! The output of the serializer describes one part of the value: the digest of its shape or of its content,
//! and the bytes that it takes *itself*. A part of a struct takes no memory of its own. Sums over the whole
//! value, its encoded size and its heap memory, are added up during the walk. So if a `Serialize` fails, the
//! parts before the failure count.

use std::any::type_name;
use std::cell::Cell;
use std::fmt::{self, Display, Write};
use std::mem::needs_drop;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::kind::ShapeKind;
use super::layout::{Layout, block, size_of_primitive};
use super::learn::{Sizes, TypeSize};
use super::mix::{Mix, ShapeSet, mix, mix_text};

/// The reference counts beside a value that is shared.
const COUNTS: usize = 16;
/// The bytes of an enum's discriminant: in memory, where it is aligned, and encoded.
const TAG: usize = 8;
const ENCODED_TAG: usize = 4;
/// The length before a text or a collection, encoded.
const LENGTH: usize = 8;

/// The digest that a walk makes.
#[derive(Clone, Copy)]
pub(super) enum Digest {
    Nothing,
    Shape,
    /// The content too; the digest begins with this seed.
    Content(u64),
}

/// Sums over a value.
#[derive(Default)]
pub(super) struct Sums {
    /// The encoded bytes: numbers in their full width, and eight bytes for each length.
    size: Cell<usize>,
    heap: Cell<usize>,
    /// True if the value has read `is_human_readable`.
    has_asked: Cell<bool>,
}

impl Sums {
    pub(super) fn size(&self) -> usize {
        self.size.get()
    }

    /// Returns the bytes that the value owns outside itself.
    pub(super) fn heap(&self) -> usize {
        self.heap.get()
    }

    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.get()
    }

    #[inline]
    fn add_size(&self, bytes: usize) {
        self.size.set(self.size.get().saturating_add(bytes));
    }

    fn add_heap(&self, bytes: usize) {
        self.heap.set(self.heap.get().saturating_add(bytes));
    }
}

/// The serializer of one part of a value.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) human_readable: bool,
    pub(super) digest: Digest,
    /// True if the encoded size is requested.
    pub(super) counts: bool,
    pub(super) sums: &'a Sums,
    /// The sizes of types, if the heap is weighed.
    pub(super) sizes: Option<&'a Sizes>,
    /// The layout of the part, if it is a collection.
    pub(super) layout: Layout,
}

/// The part of a value that a walk has seen.
#[derive(Clone, Copy)]
pub(super) struct SeenPart {
    pub(super) digest: u64,
    /// The size of the part itself.
    bytes: usize,
}

/// The kind of a part of a value, by its type.
#[derive(Clone, Copy)]
enum PartKind {
    /// It owns nothing.
    Plain(usize),
    /// It may own something.
    Owns { bytes: Option<usize>, layout: Layout },
}

impl PartKind {
    /// Returns the kind by the type of a value; for a reference, by the type of its target.
    fn of<T: ?Sized>(value: Option<&T>, sizes: &Sizes) -> Self {
        let name = type_name::<T>();
        let target = name.trim_start_matches('&');
        let size = if target.len() == name.len() {
            value.map(|value| TypeSize { bytes: size_of_val(value), owns: needs_drop::<T>() })
        } else if let Some(bytes) = size_of_primitive(target) {
            return PartKind::Plain(bytes);
        } else {
            sizes.get(target).copied()
        };
        match size {
            Some(TypeSize { bytes, owns: false }) => PartKind::Plain(bytes),
            _ => PartKind::Owns { bytes: size.map(|size| size.bytes), layout: Layout::of(target) },
        }
    }
}

impl<'a> Walk<'a> {
    /// Walks over a part.
    #[inline]
    pub(super) fn over<T: ?Sized + Serialize>(
        self,
        value: &T,
    ) -> Result<SeenPart, SerializeFailed> {
        match self.sizes {
            None => value.serialize(self),
            Some(sizes) => self.over_part(value, PartKind::of(Some(value), sizes)),
        }
    }

    fn over_part<T: ?Sized + Serialize>(
        self,
        value: &T,
        part: PartKind,
    ) -> Result<SeenPart, SerializeFailed> {
        let (bytes, layout) = match part {
            PartKind::Plain(bytes) if self.only_weighs() => {
                return Ok(SeenPart { digest: 0, bytes });
            }
            PartKind::Plain(bytes) => {
                let seen = value.serialize(Walk { sizes: None, ..self })?;
                return Ok(SeenPart { bytes, ..seen });
            }
            PartKind::Owns { bytes, layout } => (bytes, layout),
        };
        let inside =
            if layout == Layout::Boxed { Layout::inside(type_name::<T>()) } else { layout };
        let inner = value.serialize(Walk { layout: inside, ..self })?;
        if layout != Layout::Boxed {
            return Ok(SeenPart { bytes: bytes.unwrap_or(inner.bytes), ..inner });
        }
        let itself = bytes.unwrap_or(layout.own_size());
        // The pointer to a text or slice has a length beside it. Their block has been counted.
        if itself == layout.own_size() {
            self.sums.add_heap(block(COUNTS + inner.bytes));
        }
        Ok(SeenPart { bytes: itself, ..inner })
    }

    /// Returns true if a part that owns nothing need not be visited.
    #[inline]
    fn only_weighs(self) -> bool {
        !self.counts && matches!(self.digest, Digest::Nothing)
    }

    #[inline]
    fn digests(self) -> bool {
        !matches!(self.digest, Digest::Nothing)
    }

    #[inline]
    fn add_size(self, bytes: usize) {
        if self.counts {
            self.sums.add_size(bytes);
        }
    }

    /// Adds a block on the heap, if that is weighed.
    fn add_block(self, bytes: usize) {
        if self.sizes.is_some() {
            self.sums.add_heap(block(bytes));
        }
    }

    #[inline]
    fn leaf(
        self,
        kind: ShapeKind,
        value: impl Mix,
        size: usize,
        bytes: usize,
    ) -> Result<SeenPart, SerializeFailed> {
        self.add_size(size);
        let digest = match self.digest {
            Digest::Nothing => 0,
            Digest::Shape => kind.digest(),
            Digest::Content(seed) => value.mix_into(mix(seed, kind as u64)),
        };
        Ok(SeenPart { digest, bytes })
    }

    /// Returns a part that consists of one value, or of none.
    #[inline]
    fn empty(self, digest: u64, size: usize, bytes: usize) -> Result<SeenPart, SerializeFailed> {
        self.add_size(size);
        Ok(SeenPart { digest, bytes })
    }

    #[inline]
    fn named(self, kind: ShapeKind, name: &str) -> u64 {
        if self.digests() { kind.named(name) } else { 0 }
    }

    #[inline]
    fn variant(self, kind: ShapeKind, name: &str, index: u32, variant: &str) -> u64 {
        if self.digests() { kind.variant(name, index, variant) } else { 0 }
    }

    #[inline]
    fn around<T: ?Sized + Serialize>(
        self,
        digest: u64,
        value: &T,
        tag: usize,
    ) -> Result<SeenPart, SerializeFailed> {
        let inner = self.over(value)?;
        Ok(SeenPart { digest: mix(digest, inner.digest), bytes: tag + inner.bytes })
    }

    #[inline]
    fn fields(self, digest: u64, tag: usize) -> Result<FieldsWalk<'a>, SerializeFailed> {
        Ok(FieldsWalk { walk: self, digest, bytes: tag })
    }

    #[inline]
    fn elements(self, kind: ShapeKind) -> ElementsWalk<'a> {
        self.add_size(LENGTH);
        ElementsWalk {
            walk: self,
            kind,
            map_key: 0,
            shapes: ShapeSet::default(),
            contents: (0, 0),
            count: 0,
            key_bytes: 0,
            value_bytes: 0,
            inline_bytes: 0,
            is_named: false,
        }
    }
}

macro_rules! leaves {
    ($($method:ident: $value:ty, $kind:ident;)*) => {$(
        #[inline]
        fn $method(self, value: $value) -> Result<SeenPart, SerializeFailed> {
            self.leaf(ShapeKind::$kind, value, size_of::<$value>(), size_of::<$value>())
        }
    )*};
}

impl<'a> Serializer for Walk<'a> {
    type Ok = SeenPart;
    type Error = SerializeFailed;
    type SerializeSeq = ElementsWalk<'a>;
    type SerializeTuple = FieldsWalk<'a>;
    type SerializeTupleStruct = FieldsWalk<'a>;
    type SerializeTupleVariant = FieldsWalk<'a>;
    type SerializeMap = ElementsWalk<'a>;
    type SerializeStruct = FieldsWalk<'a>;
    type SerializeStructVariant = FieldsWalk<'a>;

    leaves! {
        serialize_bool: bool, Bool;
        serialize_i8: i8, I8;
        serialize_i16: i16, I16;
        serialize_i32: i32, I32;
        serialize_i64: i64, I64;
        serialize_i128: i128, I128;
        serialize_u8: u8, U8;
        serialize_u16: u16, U16;
        serialize_u32: u32, U32;
        serialize_u64: u64, U64;
        serialize_u128: u128, U128;
        serialize_f32: f32, F32;
        serialize_f64: f64, F64;
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<SeenPart, SerializeFailed> {
        self.leaf(ShapeKind::Char, value, value.len_utf8(), size_of::<char>())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<SeenPart, SerializeFailed> {
        self.add_block(text.len());
        self.leaf(ShapeKind::Str, text, LENGTH + text.len(), Layout::Block.own_size())
    }

    #[inline]
    fn serialize_bytes(self, bytes: &[u8]) -> Result<SeenPart, SerializeFailed> {
        self.add_block(bytes.len());
        self.leaf(ShapeKind::Bytes, bytes, LENGTH + bytes.len(), Layout::Block.own_size())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<SeenPart, SerializeFailed> {
        if let Digest::Content(_) = self.digest {
            let mut text = String::new();
            write!(text, "{value}").map_err(|_| SerializeFailed)?;
            return self.serialize_str(&text);
        }
        if !self.counts && self.sizes.is_none() {
            return self.leaf(ShapeKind::Str, "", LENGTH, Layout::Block.own_size());
        }
        let mut length = TextLength(0);
        write!(length, "{value}").map_err(|_| SerializeFailed)?;
        self.add_block(length.0);
        self.leaf(ShapeKind::Str, "", LENGTH + length.0, Layout::Block.own_size())
    }

    #[inline]
    fn serialize_unit(self) -> Result<SeenPart, SerializeFailed> {
        self.empty(ShapeKind::Unit.digest(), 0, 0)
    }

    #[inline]
    fn serialize_none(self) -> Result<SeenPart, SerializeFailed> {
        self.empty(ShapeKind::None.digest(), 1, 1)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<SeenPart, SerializeFailed> {
        self.add_size(1);
        self.around(ShapeKind::Some.digest(), value, 0)
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<SeenPart, SerializeFailed> {
        self.empty(self.named(ShapeKind::UnitStruct, name), 0, 0)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<SeenPart, SerializeFailed> {
        self.around(self.named(ShapeKind::NewtypeStruct, name), value, 0)
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<SeenPart, SerializeFailed> {
        self.empty(self.variant(ShapeKind::UnitVariant, name, index, variant), ENCODED_TAG, 1)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<SeenPart, SerializeFailed> {
        self.add_size(ENCODED_TAG);
        self.around(self.variant(ShapeKind::NewtypeVariant, name, index, variant), value, TAG)
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<ElementsWalk<'a>, SerializeFailed> {
        Ok(self.elements(ShapeKind::Seq))
    }

    fn collect_seq<I>(self, elements: I) -> Result<SeenPart, SerializeFailed>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut many = self.elements(ShapeKind::Seq);
        let element_type = type_name::<I::Item>().trim_start_matches('&');
        if let Some((kind, bytes)) = ShapeKind::of_number(element_type)
            && !matches!(self.digest, Digest::Content(_))
        {
            // Numbers of one type have the same size, so the elements need not be visited.
            (many.value_bytes, many.count) = (bytes, elements.into_iter().count());
            self.add_size(many.count.saturating_mul(bytes));
            if many.count > 0 {
                many.shapes.insert(kind.digest());
            }
            return Ok(many.finish());
        }
        let part = self.sizes.map(|sizes| PartKind::of::<I::Item>(None, sizes));
        if let Some(PartKind::Plain(bytes)) = part
            && self.only_weighs()
        {
            (many.value_bytes, many.count) = (bytes, elements.into_iter().count());
            return Ok(many.finish());
        }
        for element in elements {
            let seen = match part {
                Some(part) => self.over_part(&element, part)?,
                None => element.serialize(self)?,
            };
            many.add_value(seen);
        }
        Ok(many.finish())
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result<SeenPart, SerializeFailed>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut many = self.elements(ShapeKind::Map);
        let Some(sizes) = self.sizes else {
            for (key, value) in entries {
                let key = key.serialize(self)?;
                many.add_entry(key, value.serialize(self)?);
            }
            return Ok(many.finish());
        };
        let (of_key, of_value) = (PartKind::of::<K>(None, sizes), PartKind::of::<V>(None, sizes));
        for (key, value) in entries {
            let key = self.over_part(&key, of_key)?;
            many.add_entry(key, self.over_part(&value, of_value)?);
        }
        Ok(many.finish())
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<FieldsWalk<'a>, SerializeFailed> {
        self.fields(ShapeKind::Tuple.digest(), 0)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<FieldsWalk<'a>, SerializeFailed> {
        self.fields(self.named(ShapeKind::TupleStruct, name), 0)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<FieldsWalk<'a>, SerializeFailed> {
        self.add_size(ENCODED_TAG);
        self.fields(self.variant(ShapeKind::TupleVariant, name, index, variant), TAG)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<ElementsWalk<'a>, SerializeFailed> {
        Ok(self.elements(ShapeKind::Map))
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<FieldsWalk<'a>, SerializeFailed> {
        self.fields(self.named(ShapeKind::Struct, name), 0)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<FieldsWalk<'a>, SerializeFailed> {
        self.add_size(ENCODED_TAG);
        self.fields(self.variant(ShapeKind::StructVariant, name, index, variant), TAG)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.sums.has_asked.set(true);
        self.human_readable
    }
}

/// Parts whose number the type determines. Each has its place.
pub(super) struct FieldsWalk<'a> {
    walk: Walk<'a>,
    digest: u64,
    bytes: usize,
}

macro_rules! in_order {
    ($($compound:ident::$method:ident($($name:ident)?);)*) => {$(
        impl ser::$compound for FieldsWalk<'_> {
            type Ok = SeenPart;
            type Error = SerializeFailed;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), SerializeFailed> {
                let seen = self.walk.over(value)?;
                self.bytes += seen.bytes;
                if self.walk.digests() {
                    $(self.digest = mix_text(self.digest, $name);)?
                    self.digest = mix(self.digest, seen.digest);
                }
                Ok(())
            }

            #[inline]
            fn end(self) -> Result<SeenPart, SerializeFailed> {
                Ok(SeenPart { digest: self.digest, bytes: self.bytes })
            }
        }
    )*};
}

in_order! {
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(name);
    SerializeStructVariant::serialize_field(name);
}

/// Parts of any number: the set of their shapes, or all contents in any order. (A `HashSet` is a sequence,
/// and each instance of it has another order.)
pub(super) struct ElementsWalk<'a> {
    walk: Walk<'a>,
    kind: ShapeKind,
    /// In a map, the digest of the key whose value comes next.
    map_key: u64,
    shapes: ShapeSet,
    /// The number of the digests of contents, and their sum.
    contents: (u64, u64),
    count: usize,
    /// The size of a key. If the sizes differ, it is the largest.
    key_bytes: usize,
    value_bytes: usize,
    /// The bytes of the fields of a struct that is written as a map.
    inline_bytes: usize,
    /// True if the last key is the name of a field.
    is_named: bool,
}

impl ElementsWalk<'_> {
    #[inline]
    fn insert(&mut self, digest: u64) {
        match self.walk.digest {
            Digest::Nothing => {}
            Digest::Shape => self.shapes.insert(digest),
            Digest::Content(_) => {
                let (count, sum) = self.contents;
                self.contents = (count + 1, sum.wrapping_add(digest));
            }
        }
    }

    #[inline]
    fn add_value(&mut self, value: SeenPart) {
        self.count += 1;
        self.value_bytes = self.value_bytes.max(value.bytes);
        self.insert(value.digest);
    }

    #[inline]
    fn add_entry(&mut self, key: SeenPart, value: SeenPart) {
        self.count += 1;
        self.key_bytes = self.key_bytes.max(key.bytes);
        self.value_bytes = self.value_bytes.max(value.bytes);
        self.insert(mix(key.digest, value.digest));
    }

    #[inline]
    fn finish(self) -> SeenPart {
        let ElementsWalk { walk, kind, count, key_bytes, value_bytes, .. } = self;
        if walk.sizes.is_some() {
            let alignment = if key_bytes > 0 { 8 } else { 1 };
            let element = (key_bytes + value_bytes).next_multiple_of(alignment);
            walk.sums.add_heap(walk.layout.bytes(count, element));
        }
        let digest = match walk.digest {
            Digest::Nothing => 0,
            Digest::Shape => self.shapes.mix_into(kind.digest()),
            Digest::Content(_) => mix(mix(kind.digest(), self.contents.0), self.contents.1),
        };
        SeenPart { digest, bytes: walk.layout.own_size() + self.inline_bytes }
    }
}

impl ser::SerializeSeq for ElementsWalk<'_> {
    type Ok = SeenPart;
    type Error = SerializeFailed;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), SerializeFailed> {
        let seen = self.walk.over(value)?;
        self.add_value(seen);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<SeenPart, SerializeFailed> {
        Ok(self.finish())
    }
}

impl ser::SerializeMap for ElementsWalk<'_> {
    type Ok = SeenPart;
    type Error = SerializeFailed;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerializeFailed> {
        // Owned keys are those of a map. A flattened struct writes the names of its fields, which take no
        // memory.
        self.is_named = type_name::<T>() == type_name::<str>();
        let seen = if self.is_named {
            key.serialize(Walk { sizes: None, ..self.walk })?
        } else {
            let seen = self.walk.over(key)?;
            self.count += 1;
            self.key_bytes = self.key_bytes.max(seen.bytes);
            seen
        };
        self.map_key = seen.digest;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeFailed> {
        let seen = self.walk.over(value)?;
        self.insert(mix(self.map_key, seen.digest));
        if self.is_named {
            self.inline_bytes += seen.bytes;
        } else {
            self.value_bytes = self.value_bytes.max(seen.bytes);
        }
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<SeenPart, SerializeFailed> {
        Ok(self.finish())
    }
}

/// The length of a text that is not kept.
struct TextLength(usize);

impl Write for TextLength {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// A failure of a `Serialize`. The reason is not kept, since encoding the value fails in the same way.
#[derive(Debug)]
pub(super) struct SerializeFailed;

impl Display for SerializeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value cannot be serialised")
    }
}

impl std::error::Error for SerializeFailed {}

impl ser::Error for SerializeFailed {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}
