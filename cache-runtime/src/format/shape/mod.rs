//! The view of serde on a value: the digest of its shape, and its size, in memory and encoded.
//!
//! The digest of a shape is what a positional format needs to know that writer and reader
//! mean the same type. It covers names of types and fields (in order), index and name of variants, and the
//! kind of every leaf; no values. The elements of a sequence or map count as the set of their shapes, so a
//! longer list of equal elements has the same digest. A skipped field is absent. The keys of a map do not
//! show, and so the fields of a flattened struct do not either.
//!
//! The same walk can cover the values, too: that tells whether a value that was written and read back
//! is still the same. Such digests are compared at once and never stored.
//!
//! A `Serialize` shows what a value holds. It shows neither the type of an element, which
//! a slice passes by reference, nor the variant that an enum has room for. So the types in a value are learnt
//! once from its `Deserialize` ([`learn`]), and a value is then weighed with their sizes in hand. The
//! collections of the standard library are known by their names ([`layout`]). Not seen: capacity beyond the
//! length (a clone has none), fields that serde skips, what a `serialize_with` turns into something else, and
//! that several values share what they point to.
//!
//! One pass of a value's `Serialize` answers all of these questions together ([`walk`]).

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

/// Everything that a load needs to know of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    /// The digest of the shape for codecs that do not write for people; `None` if the `Serialize` fails.
    pub(crate) shape: Option<u64>,
    /// True if the value may have another shape for people.
    pub(crate) has_two_shapes: bool,
    /// The size of the value for every codec: itself, numbers in their full width, texts, and eight
    /// bytes for each length.
    pub(crate) size: usize,
    /// The bytes of memory that the value takes, if they were to be found out.
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

/// Returns the digest of `value`'s shape, the same in every process and version of this crate; `None` if
/// its `Serialize` fails.
///
/// `human_readable` is what the codec in use tells types that serialise in two ways.
pub(crate) fn digest<T: Serialize + ?Sized>(value: &T, human_readable: bool) -> Option<u64> {
    digest_of(value, human_readable, Digest::Shape, &Sums::default())
}

/// Checks that two values say the same to serde, to text formats and to others, the order of elements
/// aside; and, if they are enums, are the same variant.
pub(crate) fn same_content<T: Serialize>(a: &T, b: &T) -> bool {
    // A secret seed: an attacker who chooses values must not be able to find collisions.
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
    // If a `Serialize` fails, the parts up to the failure count.
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
