//! A digest of the `Debug` output of a value. It does not depend on the order of the words, because maps and
//! sets print theirs in any order.

use std::fmt::{self, Write as _};
use std::mem;

/// The maximum length of a text. It may take more time to print a longer one than to load the value.
const LONGEST: usize = 64 << 10;

/// Returns the digest; `None` if the text is too long, or its `Debug` fails.
pub(super) fn digest(value: &dyn fmt::Debug) -> Option<u64> {
    let mut digest = TextDigest { length: 0, word: Word::default(), sum: 1 };
    write!(digest, "{value:?}").ok()?;
    digest.end_word();
    Some(digest.sum)
}

/// The sum of the digests of all words, computed while they are written.
struct TextDigest {
    /// The length of the text.
    length: usize,
    word: Word,
    sum: u64,
}

/// The word that is being written.
#[derive(Default)]
struct Word {
    length: usize,
    /// FNV-1a of its bytes, without a sign.
    hash: u64,
    first: u8,
    is_negative: bool,
    /// True if one of the digits is not zero.
    is_not_zero: bool,
    is_address: bool,
}

impl TextDigest {
    fn end_word(&mut self) {
        let word = mem::take(&mut self.word);
        // An address differs in each process, so it is not part of the value.
        if word.length > 0 && !word.is_address {
            self.sum = self.sum.wrapping_add(word.digest());
        }
    }
}

impl fmt::Write for TextDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.length += text.len();
        if self.length > LONGEST {
            return Err(fmt::Error);
        }
        for &byte in text.as_bytes() {
            // All bytes of a letter beyond ASCII are part of a word.
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_.-".contains(&byte) {
                self.word.push(byte);
            } else {
                self.end_word();
            }
        }
        Ok(())
    }
}

impl Word {
    fn push(&mut self, byte: u8) {
        const PRIME: u64 = 0x0000_0100_0000_01B3;
        self.length += 1;
        match self.length {
            1 => self.first = byte,
            2 => self.is_address = (self.first, byte) == (b'0', b'x'),
            _ => {}
        }
        if self.length == 1 && byte == b'-' {
            self.is_negative = true;
        } else {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(PRIME);
            self.is_not_zero |= !matches!(byte, b'0' | b'.');
        }
    }

    /// Returns the digest of the word. It is the same for `-0.0` and `0.0`, which make the same key.
    fn digest(self) -> u64 {
        const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
        let is_below_zero = u64::from(self.is_negative && self.is_not_zero);
        let mixed = (self.hash ^ is_below_zero << 63).wrapping_mul(MIX);
        (mixed ^ mixed >> 32).wrapping_mul(MIX)
    }
}
