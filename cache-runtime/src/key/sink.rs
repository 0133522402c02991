//! Sinks of the encoding: a hash, stored bytes to compare with, or a buffer.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, FoldHasher};
use serde::Serialize;
use smallvec::SmallVec;

use super::error::KeyError;

/// The bytes of a key while it is built.
pub(super) type Buffer = SmallVec<[u8; 128]>;

/// Takes the pieces of an encoded key.
///
/// An error ends the walk early. A sink must stay failed when it is fed on in spite of it.
pub trait Sink {
    /// Feeds a kind without further content.
    ///
    /// # Errors
    /// If no further piece is of interest.
    fn tag(&mut self, tag: u8) -> Result<(), KeyError>;

    /// Feeds a kind and a small number.
    ///
    /// # Errors
    /// If no further piece is of interest.
    fn count(&mut self, tag: u8, count: u64) -> Result<(), KeyError>;

    /// Feeds a kind and 64 bits.
    ///
    /// # Errors
    /// If no further piece is of interest.
    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError>;

    /// Feeds a kind and bytes of any length.
    ///
    /// # Errors
    /// If no further piece is of interest.
    fn bytes(&mut self, tag: u8, bytes: &[u8]) -> Result<(), KeyError>;

    /// Feeds the next of the bytes whose kind and number have been fed as a [`count`](Sink::count).
    ///
    /// # Errors
    /// If no further piece is of interest.
    fn part(&mut self, bytes: &[u8]) -> Result<(), KeyError>;
}

/// Feeds a value to a sink piece by piece. For the parts of the serializer that receive values
/// themselves.
pub(super) trait FeedValue: Sink {
    /// Feeds one value.
    ///
    /// # Errors
    /// Fails if the value cannot be serialised, or no further piece is of interest.
    fn feed_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError>;
}

/// Computes a hash, and writes no bytes.
///
/// Two different walks may feed it the same, for example a text and bytes. A hit therefore compares the whole
/// key.
pub(super) struct Hashing(FoldHasher<'static>);

impl Hashing {
    #[inline]
    pub(super) fn new(seed: u64) -> Self {
        Self(FixedState::with_seed(seed).build_hasher())
    }

    #[inline]
    pub(super) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl Sink for Hashing {
    #[inline]
    fn tag(&mut self, tag: u8) -> Result<(), KeyError> {
        self.word(tag, 0)
    }

    #[inline]
    fn count(&mut self, tag: u8, count: u64) -> Result<(), KeyError> {
        self.word(tag, count)
    }

    // 128 bits are one multiplication. Shorter pieces would be collected first.
    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError> {
        self.0.write_u128(u128::from(tag) << 64 | u128::from(word));
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, _: u8, bytes: &[u8]) -> Result<(), KeyError> {
        self.part(bytes)
    }

    #[inline]
    fn part(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        self.0.write(bytes);
        Ok(())
    }
}

/// Compares with stored bytes and stops at the first difference.
pub(super) struct Comparing<'a> {
    rest: &'a [u8],
    /// True if a difference was seen. A `Serialize` may ignore the error and go on.
    differs: bool,
}

impl<'a> Comparing<'a> {
    #[inline]
    pub(super) fn new(stored: &'a [u8]) -> Self {
        Self { rest: stored, differs: false }
    }

    #[inline]
    pub(super) fn all_equal(&self) -> bool {
        !self.differs && self.rest.is_empty()
    }

    #[inline]
    fn expect(&mut self, expected: &[u8]) -> Result<(), KeyError> {
        match self.rest.split_at_checked(expected.len()) {
            Some((first, rest)) if same(first, expected) => self.go_on(rest),
            _ => self.end(),
        }
    }

    /// Does the same for a constant length, with a comparison of words instead of slices.
    #[inline]
    fn expect_exactly<const N: usize>(&mut self, expected: [u8; N]) -> Result<(), KeyError> {
        match self.rest.split_first_chunk() {
            Some((first, rest)) if *first == expected => self.go_on(rest),
            _ => self.end(),
        }
    }

    #[inline]
    fn go_on(&mut self, rest: &'a [u8]) -> Result<(), KeyError> {
        self.rest = rest;
        Ok(())
    }

    #[inline]
    fn end(&mut self) -> Result<(), KeyError> {
        self.differs = true;
        Err(KeyError::differs())
    }
}

impl Sink for Comparing<'_> {
    #[inline]
    fn tag(&mut self, tag: u8) -> Result<(), KeyError> {
        self.expect_exactly([tag])
    }

    #[inline]
    fn count(&mut self, tag: u8, count: u64) -> Result<(), KeyError> {
        match small(count) {
            Some(count) => self.expect_exactly([tag, count]),
            None => self.expect_exactly(large(tag, count)),
        }
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError> {
        // The nine bytes are not collected first: that takes more work than the comparison.
        match self.rest.split_first_chunk::<9>() {
            Some(([kind, bytes @ ..], rest))
                if *kind == tag && u64::from_le_bytes(*bytes) == word =>
            {
                self.go_on(rest)
            }
            _ => self.end(),
        }
    }

    #[inline]
    fn bytes(&mut self, tag: u8, bytes: &[u8]) -> Result<(), KeyError> {
        self.count(tag, bytes.len() as u64)?;
        self.part(bytes)
    }

    #[inline]
    fn part(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        self.expect(bytes)
    }
}

/// Writes the bytes.
pub(super) struct Writing<'a> {
    out: &'a mut Buffer,
}

impl<'a> Writing<'a> {
    pub(super) fn new(out: &'a mut Buffer) -> Self {
        Self { out }
    }
}

impl Sink for Writing<'_> {
    fn tag(&mut self, tag: u8) -> Result<(), KeyError> {
        self.out.push(tag);
        Ok(())
    }

    fn count(&mut self, tag: u8, count: u64) -> Result<(), KeyError> {
        match small(count) {
            Some(count) => {
                self.out.push(tag);
                self.out.push(count);
            }
            None => self.out.extend_from_slice(&large(tag, count)),
        }
        Ok(())
    }

    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError> {
        self.out.extend_from_slice(&whole(tag, word));
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, tag: u8, bytes: &[u8]) -> Result<(), KeyError> {
        self.count(tag, bytes.len() as u64)?;
        self.part(bytes)
    }

    #[inline]
    fn part(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

/// Returns true if two slices of one length are equal. Most texts are short. Short slices are compared as
/// words that may overlap, without a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    #[inline]
    fn ends<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
        Some((bytes.first_chunk()?, bytes.last_chunk()?))
    }
    match a.len() {
        0..4 | 17.. => a == b,
        4..8 => ends::<4>(a) == ends::<4>(b),
        8..17 => ends::<8>(a) == ends::<8>(b),
    }
}

/// The byte that stands before a count of eight bytes.
const LARGE: u8 = 0xFF;

#[inline]
fn small(count: u64) -> Option<u8> {
    u8::try_from(count).ok().filter(|count| *count != LARGE)
}

#[inline]
fn large(tag: u8, count: u64) -> [u8; 10] {
    let [a, b, c, d, e, f, g, h] = count.to_le_bytes();
    [tag, LARGE, a, b, c, d, e, f, g, h]
}

#[inline]
fn whole(tag: u8, word: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    [tag, a, b, c, d, e, f, g, h]
}
