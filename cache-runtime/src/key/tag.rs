//! The kinds of things in an encoded key. They are pinned by a golden file: a number is never given
//! a new meaning.

/// `()`.
pub(super) const UNIT: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const TRUE: u8 = 3;
/// Unsigned integers up to 64 bits.
pub(super) const UNSIGNED: u8 = 4;
/// Signed integers up to 64 bits.
pub(super) const SIGNED: u8 = 5;
/// Two words, the lower first.
pub(super) const U128: u8 = 6;
/// Two words, the lower first.
pub(super) const I128: u8 = 7;
pub(super) const F32: u8 = 8;
pub(super) const F64: u8 = 9;
pub(super) const CHAR: u8 = 10;
pub(super) const STR: u8 = 11;
pub(super) const BYTES: u8 = 12;
pub(super) const NONE: u8 = 13;
/// The value follows.
pub(super) const SOME: u8 = 14;
/// A sequence of `u8`.
pub(super) const OCTETS: u8 = 15;
/// Eight elements of a tuple, each a `u8`: the first is the lowest of the word.
pub(super) const EIGHT: u8 = 16;

/// A value without serde: the bytes that its `Hash` writes follow.
pub(super) const HASHED: u8 = 17;

/// Elements follow, then [`END`].
pub(super) const SEQ: u8 = 20;
/// Elements follow, then [`END`].
pub(super) const TUPLE: u8 = 21;
/// The number of entries, then each as one [`ENTRY`].
pub(super) const MAP: u8 = 22;
/// The bytes of key and value, one after the other.
pub(super) const ENTRY: u8 = 23;
pub(super) const END: u8 = 24;

/// The type's name; nothing follows.
pub(super) const UNIT_STRUCT: u8 = 30;
/// The type's name; the value follows.
pub(super) const NEWTYPE_STRUCT: u8 = 31;
/// The type's name; elements follow, then [`END`].
pub(super) const TUPLE_STRUCT: u8 = 32;
/// The type's name; fields follow, then [`END`].
pub(super) const STRUCT: u8 = 33;
/// A field's name; its value follows.
pub(super) const FIELD: u8 = 34;

/// The enum's name, [`INDEX`], [`VARIANT`]; nothing follows.
pub(super) const UNIT_VARIANT: u8 = 40;
/// The enum's name, [`INDEX`], [`VARIANT`]; the value follows.
pub(super) const NEWTYPE_VARIANT: u8 = 41;
/// The enum's name, [`INDEX`], [`VARIANT`]; elements follow, then [`END`].
pub(super) const TUPLE_VARIANT: u8 = 42;
/// The enum's name, [`INDEX`], [`VARIANT`]; fields follow, then [`END`].
pub(super) const STRUCT_VARIANT: u8 = 43;
/// A variant's index.
pub(super) const INDEX: u8 = 44;
/// A variant's name.
pub(super) const VARIANT: u8 = 45;
