//! The canonical encoding of a call's arguments.
//!
//! One `Serializer` walks the arguments and feeds a [`Sink`]. The sink decides on the use: hash (a memory hit
//! writes no bytes at all), compare with a stored key, or write the bytes (only on a miss).
//!
//! R5: the encoding is injective over serde's data model. Every leaf has a kind, every variable part its
//! length, every group its end, and names of types, fields and variants are part of it. Deliberately equal
//! are:
//!
//! - unsigned integers of any width, and signed ones (but `1_u32` and `1_i32` differ);
//! - `0.0` and `-0.0`; every NaN and every other NaN of the same width;
//! - maps of the same entries in any order.
//!
//! A sequence of `u8` (`Vec<u8>`, `&[u8]`) is one piece of bytes. It differs from a sequence of any other
//! integers.
//!
//! A `HashSet` serialises as a sequence, so its order counts: the same set in two orders may have two keys.
//! This costs a load and never gives a wrong value. A `BTreeSet` always has the same key.

mod bytes;
mod digest;
mod error;
pub(crate) mod glob;
mod kept;
mod map;
pub(crate) mod name;
mod octets;
mod parts;
pub(crate) mod prehashed;
mod serializer;
mod sink;
mod tag;
#[cfg(test)]
mod tests;

pub(crate) use bytes::KeyBytes;
pub(crate) use digest::{NameHasher, hash_bytes, origin};
pub(crate) use error::KeyError;
pub use parts::HashedPart;
pub(crate) use parts::KeyParts;

use kept::KeptArguments;
use sink::{Buffer, Comparing, Hashing, Writing};

/// Returns a hash of the arguments, for one process: it depends on `seed` and on the version of the hash
/// function.
#[inline]
pub(crate) fn hash_parts<P: KeyParts>(parts: &P, seed: u64) -> Result<u64, KeyError> {
    let mut sink = Hashing::new(seed);
    parts.feed(&mut sink)?;
    Ok(sink.finish())
}

/// Returns true if `stored` equals the result of [`encode`] for these arguments.
#[inline(always)]
pub(crate) fn matches<P: KeyParts>(parts: &P, stored: &KeyBytes) -> bool {
    let mut sink = Comparing::new(stored);
    parts.feed(&mut sink).is_ok()
        && sink.all_equal()
        // The tag of an argument without serde distinguishes keys with copies from keys without them.
        && (!P::KEEPS || parts.are(stored.kept()))
}

/// Returns the canonical bytes of the arguments; the same in every process.
pub(crate) fn encode<P: KeyParts>(parts: &P) -> Result<KeyBytes, KeyError> {
    let mut buffer = Buffer::new();
    parts.feed(&mut Writing::new(&mut buffer))?;
    if !P::KEEPS {
        return Ok(KeyBytes::new(&buffer));
    }
    let mut kept = KeptArguments::new();
    parts.keep(&mut kept);
    Ok(KeyBytes::keeping(&buffer, kept))
}
