//! The key of the caches that are used by hand.

use equivalent::Equivalent;

/// The type of the keys.
pub(super) type Key = (u64, String);

/// A key that is only looked for: it allocates nothing.
#[derive(Hash)]
pub(super) struct Borrowed<'a>(pub(super) u64, pub(super) &'a str);

impl Equivalent<Key> for Borrowed<'_> {
    #[inline]
    fn equivalent(&self, (id, text): &Key) -> bool {
        self.0 == *id && self.1 == text
    }
}
