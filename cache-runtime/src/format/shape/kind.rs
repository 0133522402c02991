//! The kinds of shapes.

use super::mix::{mix, mix_text};

/// The kinds of shapes, pinned by a golden file.
#[derive(Clone, Copy)]
pub(super) enum ShapeKind {
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

impl ShapeKind {
    #[inline]
    pub(super) const fn digest(self) -> u64 {
        mix(0, self as u64)
    }

    #[inline]
    pub(super) fn named(self, name: &str) -> u64 {
        mix_text(self.digest(), name)
    }

    #[inline]
    pub(super) fn variant(self, name: &str, index: u32, variant: &str) -> u64 {
        mix_text(mix(self.named(name), index.into()), variant)
    }

    /// Returns the kind and the size of a number type of the language, by its name.
    ///
    /// No other type has such a name: those of libraries and programs are paths.
    pub(super) fn of_number(type_name: &str) -> Option<(Self, usize)> {
        Some(match type_name {
            "u8" => (Self::U8, 1),
            "i8" => (Self::I8, 1),
            "u16" => (Self::U16, 2),
            "i16" => (Self::I16, 2),
            "u32" => (Self::U32, 4),
            "i32" => (Self::I32, 4),
            "f32" => (Self::F32, 4),
            "u64" => (Self::U64, 8),
            "i64" => (Self::I64, 8),
            "f64" => (Self::F64, 8),
            _ => return None,
        })
    }
}
