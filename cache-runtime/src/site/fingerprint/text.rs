//! A digest of what `Debug` prints, that does not depend on the order of its words: maps and sets print
//! theirs in any.

use std::fmt::{self, Write as _};

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

/// The length up to which a text counts. To print a longer one could cost more than the load.
const LONGEST: usize = 64 << 10;

/// Returns `None` if the text is too long, or its `Debug` fails.
pub(super) fn digest(value: &dyn fmt::Debug) -> Option<u64> {
    let mut text = Bounded(SmallVec::new());
    write!(text, "{value:?}").ok()?;
    let words = str::from_utf8(&text.0)
        .ok()?
        .split(|letter: char| !is_of_a_word(letter))
        .filter(|word| counts(word));
    Some(words.fold(1, |sum, word| sum.wrapping_add(xxh3_64(unsigned_zero(word).as_bytes()))))
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-')
}

/// Returns true if a word counts. An address is not a part of the value.
fn counts(word: &str) -> bool {
    !word.is_empty() && !word.starts_with("0x")
}

/// Removes the sign of a zero: `-0.0` makes the same key as `0.0`.
fn unsigned_zero(word: &str) -> &str {
    match word.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero,
        _ => word,
    }
}

/// Short texts need no allocation: a debug build makes one for each hit.
struct Bounded(SmallVec<[u8; 256]>);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
