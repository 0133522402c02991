//! The walk over a value. What it returns is the digest of its shape, or of all its content.

use std::fmt::{self, Display, Write as _};

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::mix::{Mix, ShapeSet, mix, mix_text};

/// The kinds of shapes, pinned by a golden file.
#[derive(Clone, Copy)]
enum Kind {
    Bool = 1,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    None,
    Some,
    Unit,
    UnitStruct,
    NewtypeStruct,
    TupleStruct,
    Struct,
    UnitVariant,
    NewtypeVariant,
    TupleVariant,
    StructVariant,
    Tuple,
    Seq,
    Map,
}

impl Kind {
    #[inline]
    const fn digest(self) -> u64 {
        mix(0, self as u64)
    }

    #[inline]
    fn named(self, name: &str) -> u64 {
        mix_text(self.digest(), name)
    }

    #[inline]
    fn variant(self, name: &str, index: u32, variant: &str) -> u64 {
        mix_text(mix(self.named(name), index.into()), variant)
    }
}

#[derive(Clone, Copy)]
pub(super) struct ShapeSerializer {
    pub(super) human_readable: bool,
    /// The seed of the digests of contents, where the content counts.
    pub(super) seed: Option<u64>,
}

impl ShapeSerializer {
    #[inline]
    fn leaf(self, kind: Kind, value: impl Mix) -> Result<u64, NoShape> {
        Ok(match self.seed {
            None => kind.digest(),
            Some(seed) => value.mix_into(mix(seed, kind as u64)),
        })
    }

    #[inline]
    fn fields(self, digest: u64) -> Result<Fields, NoShape> {
        Ok(Fields { digest, serializer: self })
    }

    #[inline]
    fn elements(self, kind: Kind) -> Result<ShapeElements, NoShape> {
        let (shapes, contents) = (ShapeSet::default(), (0, 0));
        Ok(ShapeElements { kind, key: 0, shapes, contents, serializer: self })
    }
}

macro_rules! leaves {
    ($($method:ident: $value:ty, $kind:ident;)*) => {$(
        #[inline]
        fn $method(self, value: $value) -> Result<u64, NoShape> {
            self.leaf(Kind::$kind, value)
        }
    )*};
}

impl Serializer for ShapeSerializer {
    type Ok = u64;
    type Error = NoShape;
    type SerializeSeq = ShapeElements;
    type SerializeTuple = Fields;
    type SerializeTupleStruct = Fields;
    type SerializeTupleVariant = Fields;
    type SerializeMap = ShapeElements;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

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
        serialize_char: char, Char;
        serialize_str: &str, Str;
        serialize_bytes: &[u8], Bytes;
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<u64, NoShape> {
        if self.seed.is_none() {
            return Ok(Kind::Str.digest());
        }
        let mut text = String::new();
        write!(text, "{value}").map_err(|_| NoShape)?;
        self.serialize_str(&text)
    }

    #[inline]
    fn serialize_unit(self) -> Result<u64, NoShape> {
        Ok(Kind::Unit.digest())
    }

    #[inline]
    fn serialize_none(self) -> Result<u64, NoShape> {
        Ok(Kind::None.digest())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, NoShape> {
        Ok(mix(Kind::Some.digest(), value.serialize(self)?))
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, NoShape> {
        Ok(Kind::UnitStruct.named(name))
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<u64, NoShape> {
        Ok(mix(Kind::NewtypeStruct.named(name), value.serialize(self)?))
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<u64, NoShape> {
        Ok(Kind::UnitVariant.variant(name, index, variant))
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, NoShape> {
        Ok(mix(Kind::NewtypeVariant.variant(name, index, variant), value.serialize(self)?))
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<ShapeElements, NoShape> {
        self.elements(Kind::Seq)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Fields, NoShape> {
        self.fields(Kind::Tuple.digest())
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Fields, NoShape> {
        self.fields(Kind::TupleStruct.named(name))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, NoShape> {
        self.fields(Kind::TupleVariant.variant(name, index, variant))
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<ShapeElements, NoShape> {
        self.elements(Kind::Map)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, NoShape> {
        self.fields(Kind::Struct.named(name))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, NoShape> {
        self.fields(Kind::StructVariant.variant(name, index, variant))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.human_readable
    }
}

/// Parts that the type counts: each in its place.
pub(super) struct Fields {
    digest: u64,
    serializer: ShapeSerializer,
}

macro_rules! in_order {
    ($($compound:ident::$method:ident($($name:ident)?);)*) => {$(
        impl ser::$compound for Fields {
            type Ok = u64;
            type Error = NoShape;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), NoShape> {
                $(self.digest = mix_text(self.digest, $name);)?
                self.digest = mix(self.digest, value.serialize(self.serializer)?);
                Ok(())
            }

            #[inline]
            fn end(self) -> Result<u64, NoShape> {
                Ok(self.digest)
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

/// Parts of which there may be any number: the set of their shapes, or all contents in no order. (A
/// `HashSet` is a sequence, and its order is another each time that it is made.)
pub(super) struct ShapeElements {
    kind: Kind,
    /// In a map, the digest of the key whose value comes next.
    key: u64,
    shapes: ShapeSet,
    /// The number of contents, and the sum of their digests.
    contents: (u64, u64),
    serializer: ShapeSerializer,
}

impl ShapeElements {
    #[inline]
    fn insert(&mut self, digest: u64) {
        if self.serializer.seed.is_none() {
            self.shapes.insert(digest);
        } else {
            let (count, sum) = self.contents;
            self.contents = (count + 1, sum.wrapping_add(digest));
        }
    }

    #[inline]
    fn finish(self) -> Result<u64, NoShape> {
        let digest = self.kind.digest();
        Ok(match self.serializer.seed {
            None => self.shapes.mix_into(digest),
            Some(_) => mix(mix(digest, self.contents.0), self.contents.1),
        })
    }
}

impl ser::SerializeSeq for ShapeElements {
    type Ok = u64;
    type Error = NoShape;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoShape> {
        let digest = value.serialize(self.serializer)?;
        self.insert(digest);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<u64, NoShape> {
        self.finish()
    }
}

impl ser::SerializeMap for ShapeElements {
    type Ok = u64;
    type Error = NoShape;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoShape> {
        self.key = key.serialize(self.serializer)?;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoShape> {
        let digest = mix(self.key, value.serialize(self.serializer)?);
        self.insert(digest);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<u64, NoShape> {
        self.finish()
    }
}

/// The value's `Serialize` failed; nobody asks why, since encoding it fails in the same way.
#[derive(Debug)]
pub(super) struct NoShape;

impl Display for NoShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value cannot be serialised")
    }
}

impl std::error::Error for NoShape {}

impl ser::Error for NoShape {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}
