//! Sequences of `u8`, as `Vec<u8>` and `&[u8]` serialise: written as one piece, not element by element. An
//! array is a tuple to serde, which gives its elements one at a time: eight of them are one word.

use std::any::type_name;
use std::mem;

use serde::Serialize;
use serde::ser::Error as _;
use smallvec::SmallVec;

use super::error::KeyError;
use super::sink::{FeedValue as _, Sink};
use super::tag;

/// A longer sequence is collected on the heap.
const INLINE: usize = 512;

/// Returns true if elements of this type are octets. The compiler knows the answer when it compiles the call,
/// and a type that could not be told apart here would be an error in [`feed`], not another key.
#[inline]
pub(super) fn are<T: ?Sized>() -> bool {
    matches!(type_name::<T>(), "u8" | "&u8")
}

/// Feeds a sequence of octets to a sink.
#[inline]
pub(super) fn feed<S: Sink, I>(sink: &mut S, octets: I) -> Result<(), KeyError>
where
    I: Iterator<Item: Serialize>,
{
    let mut failed = false;
    let (least, _) = octets.size_hint();
    let octets = octets.map(|element| {
        let mut octet = Octet(0);
        failed |= octet.feed_value(&element).is_err();
        octet.0
    });
    if least > INLINE {
        // The standard library copies from a slice into a vector as fast as memory is.
        let long: Vec<u8> = octets.collect();
        return finish(sink, &long, failed);
    }
    let mut short = SmallVec::<[u8; INLINE]>::new();
    short.extend(octets);
    finish(sink, &short, failed)
}

#[inline]
fn finish<S: Sink>(sink: &mut S, octets: &[u8], failed: bool) -> Result<(), KeyError> {
    if failed {
        return Err(KeyError::custom("an element of a sequence of `u8` is no `u8`"));
    }
    sink.bytes(tag::OCTETS, octets)
}

/// Octets of a tuple that stand side by side, as far as they are not fed yet: fewer than eight, the last of
/// them in the highest byte.
#[derive(Default)]
pub(super) struct Packed {
    word: u64,
    count: usize,
}

impl Packed {
    /// Feeds one more, with those before it if they are eight.
    #[inline]
    pub(super) fn add<S: Sink>(
        &mut self,
        sink: &mut S,
        element: &(impl Serialize + ?Sized),
    ) -> Result<(), KeyError> {
        let mut octet = Octet(0);
        octet.feed_value(element)?;
        self.word = self.word >> 8 | u64::from(octet.0) << 56;
        self.count += 1;
        if self.count < 8 {
            return Ok(());
        }
        self.count = 0;
        sink.word(tag::EIGHT, self.word)
    }

    /// Feeds those that are left, each as the number that it is.
    #[inline]
    pub(super) fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), KeyError> {
        let left = mem::take(&mut self.count);
        let octets = self.word.to_le_bytes();
        octets.iter().skip(8 - left).try_for_each(|octet| sink.word(tag::UNSIGNED, (*octet).into()))
    }
}

/// Takes one octet.
struct Octet(u8);

impl Sink for Octet {
    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError> {
        self.0 = word as u8;
        if tag == tag::UNSIGNED { Ok(()) } else { Err(KeyError::differs()) }
    }

    fn tag(&mut self, _: u8) -> Result<(), KeyError> {
        Err(KeyError::differs())
    }

    fn count(&mut self, _: u8, _: u64) -> Result<(), KeyError> {
        Err(KeyError::differs())
    }

    fn bytes(&mut self, _: u8, _: &[u8]) -> Result<(), KeyError> {
        Err(KeyError::differs())
    }
}
