//! Notices: messages to the other processes about an invalidation.
//!
//! A notice is published in the same step that removes the keys. It contains its sender, and the removed keys
//! (as in Redis, without the namespace) or the pattern that has been cleared. It carries no tokens, because
//! two notices may arrive in another order than their writes.

/// The version of the format. Notices of other versions cannot be read.
const VERSION: u8 = 1;
/// The maximum length. A longer notice is replaced by one that invalidates everything.
const LONGEST: usize = 32 * 1024;
/// The length of the header: a version and a source.
const HEAD: usize = 9;
/// The maximum length of the items of a notice, in bytes.
pub(super) const ROOM: usize = LONGEST - HEAD;
const KEY: u8 = b'k';
const PATTERN: u8 = b'p';

/// One item of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A key without the namespace: a name, or the key of a token.
    Key(&'a str),
    /// All names that match this pattern.
    Pattern(&'a str),
}

/// A notice that was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notice<'a> {
    pub(super) source: u64,
    pub(super) items: Vec<Item<'a>>,
}

/// Writes a notice; `None` if it would be too long.
pub(super) fn write<'a>(source: u64, items: impl IntoIterator<Item = Item<'a>>) -> Option<Vec<u8>> {
    let mut notice = vec![VERSION];
    notice.extend(source.to_le_bytes());
    for item in items {
        let (kind, text) = match item {
            Item::Key(key) => (KEY, key),
            Item::Pattern(pattern) => (PATTERN, pattern),
        };
        notice.push(kind);
        notice.extend(u16::try_from(text.len()).ok()?.to_le_bytes());
        notice.extend(text.as_bytes());
    }
    (notice.len() <= LONGEST).then_some(notice)
}

/// Returns the number of bytes that a key takes: its kind, its length, its text.
pub(super) fn size_of_key(key: &str) -> usize {
    3 + key.len()
}

/// Returns an empty notice without a source, which tests that notices can be sent. It is text, because a
/// server that lacks the command quotes it.
pub(super) fn nothing() -> Vec<u8> {
    write(u64::from_le_bytes(*b"(nobody)"), []).unwrap_or_default()
}

/// Reads a notice; `None` for bytes that no process of this version has written.
///
/// Any client with the right to publish can send any bytes. So reading costs no more than their length. Each
/// pattern costs a pass through memory, so a notice has one at most.
pub(super) fn read(bytes: &[u8]) -> Option<Notice<'_>> {
    if bytes.len() > LONGEST {
        return None;
    }
    let (version, rest) = bytes.split_first()?;
    let (source, mut rest) = rest.split_first_chunk()?;
    let mut items = Vec::new();
    let mut has_pattern = false;
    while let Some((kind, tail)) = rest.split_first() {
        let (length, tail) = tail.split_first_chunk()?;
        let (text, tail) = tail.split_at_checked(u16::from_le_bytes(*length).into())?;
        let text = std::str::from_utf8(text).ok()?;
        items.push(match *kind {
            KEY => Item::Key(text),
            PATTERN if !std::mem::replace(&mut has_pattern, true) => Item::Pattern(text),
            _ => return None,
        });
        rest = tail;
    }
    (*version == VERSION).then(|| Notice { source: u64::from_le_bytes(*source), items })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const ITEMS: [Item<'_>; 3] =
        [Item::Key("#t:video"), Item::Key("video:42"), Item::Pattern("user:*:ä")];

    #[test]
    fn what_is_written_is_read() {
        let written = write(7, ITEMS).unwrap();
        assert_eq!(read(&written), Some(Notice { source: 7, items: ITEMS.to_vec() }));
        let empty = write(u64::MAX, []).unwrap();
        assert_eq!(read(&empty), Some(Notice { source: u64::MAX, items: Vec::new() }));
    }

    #[test]
    fn nothing_can_be_quoted_and_is_read() {
        let written = String::from_utf8(nothing()).unwrap();
        assert_eq!(read(written.as_bytes()).unwrap().items, []);
    }

    #[test]
    fn any_other_bytes_are_no_notice() {
        let written = write(7, ITEMS).unwrap();
        for bytes in [&b""[..], b"hello", &written[..5], &written[..written.len() - 1]] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        for (at, byte) in [(0, 2), (9, b'x'), (11, 0xff), (12, 0xff)] {
            let mut damaged = written.clone();
            damaged[at] = byte;
            assert_eq!(read(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn a_notice_has_one_pattern_at_most_and_a_length() {
        let pattern = Item::Pattern("*");
        assert!(read(&write(7, [Item::Key("a"), pattern, Item::Key("b")]).unwrap()).is_some());
        assert_eq!(read(&write(7, [pattern, Item::Key("b"), pattern]).unwrap()), None);
        let full = || std::iter::repeat_n(Item::Key("k"), ROOM / size_of_key("k"));
        let written = write(7, full()).unwrap();
        assert!(read(&written).is_some());
        assert_eq!(read(&[&written[..], &written[HEAD..]].concat()), None);
    }

    proptest::proptest! {
        /// Tests that the parsed form of any message takes no more memory than its bytes, and causes at most
        /// one walk through the memory store.
        #[test]
        fn any_message_costs_no_more_than_its_length(
            head in 0_u8..3, items in proptest::collection::vec(("[kpx]", ".{0,3}", 0_u16..5), 0..200),
        ) {
            let mut bytes = vec![head];
            bytes.extend([0; 8]);
            for (kind, text, lie) in items {
                bytes.extend(kind.bytes());
                bytes.extend((text.len() as u16 + lie / 4).to_le_bytes());
                bytes.extend(text.bytes());
            }
            if let Some(notice) = read(&bytes) {
                let patterns = notice.items.iter().filter(|item| matches!(item, Item::Pattern(_)));
                proptest::prop_assert!(patterns.count() <= 1);
                proptest::prop_assert!(notice.items.len() * 3 <= bytes.len());
            }
        }
    }

    #[test]
    fn a_notice_has_a_largest_size() {
        let long = "x".repeat(LONGEST);
        assert_eq!(write(7, [Item::Key(&long)]), None);
        assert_eq!(write(7, [Item::Key(&"x".repeat(70_000))]), None);
    }
}
