//! The digest of a value's shape: what a positional format needs to know that writer and reader
//! mean the same type.
//!
//! It covers names of types and fields (in order), index and name of variants, and the kind of
//! every leaf; no values. The elements of a sequence or map count as the set of their shapes, so a
//! longer list of equal elements has the same digest. A skipped field is absent.
//!
//! What it cannot see: the keys of a map, and so the fields of a flattened struct.

mod mix;
mod serializer;
#[cfg(test)]
mod tests;

use serde::Serialize;

/// The digest of `value`'s shape, the same in every process and version of this crate; `None` if
/// its `Serialize` fails.
///
/// `human_readable` is what the codec in use tells types that serialise in two ways.
pub(crate) fn digest<T: Serialize + ?Sized>(value: &T, human_readable: bool) -> Option<u64> {
    value.serialize(serializer::ShapeSerializer { human_readable }).ok()
}
