//! The view of serde on a value: the digest of its shape, and its size, in memory and encoded.
//!
//! The digest of a shape shows that writer and reader use the same type, which a positional format requires.
//! It covers names of types and fields (in order), index and name of variants, and the kind of every leaf,
//! but no values. The elements of a sequence or map count as the set of their shapes, so a longer list of
//! equal elements has the same digest. A skipped field is absent. The keys of a map are not covered, and so
//! the fields of a flattened struct are not either.
//!
//! The same walk can also cover the values. This shows whether a value that was written and read back is
//! still the same. Such digests are compared at once and never stored.
//!
//! A `Serialize` shows the content of a value. It shows neither the type of an element, which a slice passes
//! by reference, nor the variant that an enum has room for. So the types in a value are found out once
//! through its `Deserialize` ([`learn`]), and a value is then weighed with their sizes. The collections of
//! the standard library are known by their names ([`layout`]). Not seen: capacity beyond the length (a clone
//! has none), fields that serde skips, changes by a `serialize_with`, and allocations that several values
//! share.
//!
//! One pass of a value's `Serialize` yields all of these results together ([`walk`]).

mod kind;
mod layout;
mod learn;
mod mix;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use std::mem::{discriminant, needs_drop};

use once_cell::sync::Lazy;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::random;
use layout::Layout;
use walk::{Digest, Sums, Walk};
pub(crate) use words::Words;

/// The properties of a value that a load needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measures {
    /// The digest of the shape for codecs that are not human-readable; `None` if the `Serialize` fails.
    pub(crate) shape: Option<u64>,
    /// True if the value may have another shape for human-readable codecs.
    pub(crate) has_two_shapes: bool,
    /// The size of the value, independent of the codec: the value itself, numbers in their full width, texts,
    /// and eight bytes for each length.
    pub(crate) size: usize,
    /// The bytes of memory that the value takes, if they were requested.
    pub(crate) weight: Option<usize>,
}

/// Measures a value in one pass.
pub(crate) fn measure<V>(value: &V, weighs: bool) -> Measures
where
    V: Serialize + DeserializeOwned + 'static,
{
    let (sums, owns) = (Sums::default(), needs_drop::<V>());
    let sizes = (weighs && owns).then(learn::sizes::<V>);
    let walk = Walk {
        human_readable: false,
        digest: Digest::Shape,
        counts: owns,
        sums: &sums,
        sizes: sizes.as_deref(),
        layout: Layout::Block,
    };
    let shape = walk.over(value).ok().map(|seen| seen.digest);
    Measures {
        shape,
        has_two_shapes: sums.has_asked(),
        size: size_of::<V>() + sums.size(),
        weight: weighs.then(|| size_of::<V>() + sums.heap()),
    }
}

/// Returns the digest of `value`'s shape, the same in every process and version of this crate; `None` if its
/// `Serialize` fails.
///
/// `human_readable` is the answer of the codec to types that serialise in two ways.
pub(crate) fn digest<T: Serialize + ?Sized>(value: &T, human_readable: bool) -> Option<u64> {
    digest_of(value, human_readable, Digest::Shape, &Sums::default())
}

/// Returns true if two values have the same content for serde, in human-readable and in other formats, except
/// for the order of elements. Enums must also be the same variant.
pub(crate) fn same_content<T: Serialize>(a: &T, b: &T) -> bool {
    // The seed is secret: an attacker who chooses values must not be able to find collisions.
    static SEED: Lazy<u64> = Lazy::new(random::word);
    let sums = Sums::default();
    let same = |human_readable| {
        let content = |value| digest_of(value, human_readable, Digest::Content(*SEED), &sums);
        content(a) == content(b)
    };
    // A value that never reads `is_human_readable` serialises equally for both answers.
    discriminant(a) == discriminant(b) && same(false) && (!sums.has_asked() || same(true))
}

/// Returns the bytes that a value owns outside itself.
pub(crate) fn heap_size<V>(value: &V) -> usize
where
    V: Serialize + DeserializeOwned + 'static,
{
    if !needs_drop::<V>() {
        return 0;
    }
    let (sums, sizes) = (Sums::default(), learn::sizes::<V>());
    // If a `Serialize` fails, only the parts before the failure count.
    let _ = Walk { sizes: Some(&*sizes), ..sum_only(&sums) }.over(value);
    sums.heap()
}

/// Returns the bytes that a value takes when it is encoded, besides its own size.
pub(crate) fn encoded_size<V: Serialize>(value: &V) -> usize {
    if !needs_drop::<V>() {
        return 0;
    }
    let sums = Sums::default();
    let _ = Walk { counts: true, ..sum_only(&sums) }.over(value);
    sums.size()
}

/// Returns the [size](Measures::size) of a value.
pub(crate) fn value_size<V: Serialize>(value: &V) -> usize {
    size_of::<V>() + encoded_size(value)
}

fn digest_of<T: Serialize + ?Sized>(
    value: &T,
    human_readable: bool,
    digest: Digest,
    sums: &Sums,
) -> Option<u64> {
    let walk = Walk { human_readable, digest, ..sum_only(sums) };
    walk.over(value).ok().map(|seen| seen.digest)
}

fn sum_only(sums: &Sums) -> Walk<'_> {
    Walk {
        human_readable: false,
        digest: Digest::Nothing,
        counts: false,
        sums,
        sizes: None,
        layout: Layout::Block,
    }
}
