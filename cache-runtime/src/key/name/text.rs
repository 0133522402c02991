//! The texts of names: those of functions, and shortened ones.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

/// Names and tags longer than this are shortened to a beginning and a digest.
pub(crate) const MAX_LENGTH: usize = 200;
/// The maximum number of tags of an entry, besides the prefixes of its name.
pub(crate) const MOST_TAGS: usize = 128;

/// The bytes that a shortened name keeps of its beginning.
const KEPT: usize = 150;

/// Returns `prefix:function:` followed by the hash in hexadecimal digits. `head` is `prefix:function:`.
pub(crate) fn function_name(head: &str, hash: &[u8; 20]) -> String {
    let mut name = String::with_capacity(head.len() + 2 * hash.len());
    name.push_str(head);
    push_hex(&mut name, hash);
    name
}

/// Returns the text that stands for a name or tag in Redis. A long name is represented by its beginning and a
/// digest of the whole.
pub(crate) fn shorten(whole: &str) -> Cow<'_, str> {
    if whole.len() <= MAX_LENGTH {
        return Cow::Borrowed(whole);
    }
    let mut digest = [0; 20];
    digest.copy_from_slice(&Sha256::digest(whole.as_bytes())[..20]);
    let mut kept = KEPT;
    while !whole.is_char_boundary(kept) {
        kept -= 1;
    }
    let mut short = whole[..kept].to_owned();
    short.push('~');
    push_hex(&mut short, &digest);
    Cow::Owned(short)
}

fn push_hex(text: &mut String, bytes: &[u8; 20]) {
    // Computed and not looked up, so that the compiler does it for several digits at once.
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
    let mut hex = [0; 40];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 0xF);
    }
    // The bytes are hexadecimal digits, so they are valid UTF-8.
    text.push_str(std::str::from_utf8(&hex).unwrap_or_default());
}
