//! Sequences of `u8`, as `Vec<u8>` and `&[u8]` serialise: written as one piece, not element by element. Serde
//! serialises an array as a tuple, and passes its elements one at a time. Eight of them make one word.

use std::any::type_name;
use std::mem;

use serde::Serialize;
use serde::ser::Error as _;
use smallvec::SmallVec;

use super::error::KeyError;
use super::sink::{FeedValue as _, Sink};
use super::tag;

/// The maximum length of a sequence that is fed as one slice.
const INLINE: usize = 512;
/// The number of octets of a longer sequence that are fed at a time. They stay in the first-level cache of
/// the processor.
const CHUNK: usize = 4096;

/// Returns true if elements of this type are octets. The compiler knows the result when it compiles the call.
/// If this returned true for another type, [`feed`] would return an error, and no wrong key would be made.
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
    let (least, most) = octets.size_hint();
    let octets = octets.map(|element| {
        let mut octet = Octet(0);
        failed |= octet.feed_value(&element).is_err();
        octet.0
    });
    let fed = if least > INLINE && most == Some(least) {
        feed_chunks(sink, least, octets)
    } else {
        let mut collected = SmallVec::<[u8; INLINE]>::new();
        collected.extend(octets);
        feed_collected(sink, &collected)
    };
    if failed {
        return Err(KeyError::custom("an element of a sequence of `u8` is no `u8`"));
    }
    fed
}

/// Feeds collected octets. The length alone decides on the form, so that equal sequences have one hash.
fn feed_collected<S: Sink>(sink: &mut S, octets: &[u8]) -> Result<(), KeyError> {
    if octets.len() > INLINE {
        return feed_chunks(sink, octets.len(), octets.iter().copied());
    }
    sink.bytes(tag::OCTETS, octets)
}

/// Feeds a long sequence. The copies are as fast as the memory, and nothing is allocated.
fn feed_chunks<S: Sink>(
    sink: &mut S,
    length: usize,
    mut octets: impl Iterator<Item = u8>,
) -> Result<(), KeyError> {
    sink.count(tag::OCTETS, length as u64)?;
    let mut chunk = [0; CHUNK];
    let mut left = length;
    while left > 0 {
        let part = &mut chunk[..left.min(CHUNK)];
        let mut filled = 0;
        // The loop counts by the index. With a second counter, the compiler would handle only four octets at
        // a time.
        while filled < part.len() {
            let Some(octet) = octets.next() else { break };
            part[filled] = octet;
            filled += 1;
        }
        if filled < part.len() {
            break;
        }
        sink.part(part)?;
        left -= filled;
    }
    if left > 0 || octets.next().is_some() {
        return Err(KeyError::custom("a sequence of `u8` has another length than it says"));
    }
    Ok(())
}

/// Octets of a tuple that stand side by side and have not been fed: fewer than eight. The last one is in the
/// highest byte.
#[derive(Default)]
pub(super) struct Packed {
    word: u64,
    count: usize,
}

impl Packed {
    /// Adds one octet. Feeds it together with the seven before it if there are eight.
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

    /// Feeds the remaining octets, each as a number.
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

    fn part(&mut self, _: &[u8]) -> Result<(), KeyError> {
        Err(KeyError::differs())
    }
}
