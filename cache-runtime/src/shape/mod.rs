//! The digest of a value's shape: what a positional format needs to know that writer and reader
//! mean the same type.
//!
//! It covers names of types and fields (in order), index and name of variants, and the kind of
//! every leaf; no values. The elements of a sequence or map count as the set of their shapes, so a
//! longer list of equal elements has the same digest. A skipped field is absent.
//!
//! It cannot see the keys of a map, and so the fields of a flattened struct.
//!
//! The same walk can cover the values, too: that tells whether a value that was written and read back
//! is still the same. Such digests are compared at once and never stored.

mod mix;
mod serializer;
#[cfg(test)]
mod tests;
mod words;

use std::mem::discriminant;

use once_cell::sync::Lazy;
use serde::Serialize;

use crate::random;
pub(crate) use words::Words;

/// The digest of `value`'s shape, the same in every process and version of this crate; `None` if
/// its `Serialize` fails.
///
/// `human_readable` is what the codec in use tells types that serialise in two ways.
pub(crate) fn digest<T: Serialize + ?Sized>(value: &T, human_readable: bool) -> Option<u64> {
    value.serialize(serializer::ShapeSerializer { human_readable, seed: None }).ok()
}

/// Returns true if two values say the same to serde, to text formats and to others, the order of elements
/// aside; and, if they are enums, are the same variant.
pub(crate) fn same_content<T: Serialize>(a: &T, b: &T) -> bool {
    // Nobody who chooses a value shall know what has the same digest.
    static SEED: Lazy<u64> = Lazy::new(random::word);
    let content = |value: &T, human_readable| {
        let seed = Some(*SEED);
        value.serialize(serializer::ShapeSerializer { human_readable, seed }).ok()
    };
    let same = |human_readable| content(a, human_readable) == content(b, human_readable);
    discriminant(a) == discriminant(b) && same(false) && same(true)
}
