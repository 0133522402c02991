//! The envelope: the bytes that Redis holds under a name, either a value or the placeholder of a running
//! load.
//!
//! Both begin with the twelve bytes of a [`StateId`], which a compare-and-set compares. All numbers are
//! little endian. A value consists of the fields of [`Header`], the length of the payload, the payload, and a
//! checksum of all of this. The checksum also covers the key, which is not written. So an entry that another
//! client has renamed, or copied to another key, counts as damaged there.

mod compress;
mod read;
#[cfg(test)]
mod tests;
mod write;

use smallvec::SmallVec;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub(crate) use compress::{compress, decompress};
pub(crate) use write::encode;

const MAGIC: u8 = 0xC5;
const VALUE: u8 = b'V';
const PLACEHOLDER: u8 = b'M';
/// The first bytes of a value, which distinguish it from a placeholder.
pub(crate) const VALUE_MAGIC: [u8; 2] = [MAGIC, VALUE];
/// The version of everything in this module.
const FORMAT: u8 = 2;
const ID_LENGTH: usize = 12;
const CHECKSUM_LENGTH: usize = 8;
/// The only flag.
const COMPRESSED: u8 = 1;
/// The kinds of placeholders. The byte stands in the place of the codec of a value.
const PLAIN: u8 = 0;
const LEASE: u8 = 1;
/// The number of tags that a header holds without an allocation.
const FEW_TAGS: usize = 4;
/// The kinds of tags.
const PREFIX_TAG: u8 = 0;
const NAMED_TAG: u8 = 1;

/// Identifies the state of a key: which store or which placeholder it is, by 64 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateId([u8; ID_LENGTH]);

impl StateId {
    /// Returns a new store of a value.
    pub(crate) fn value(codec: u8, random: u64) -> Self {
        Self::new(VALUE, codec, random)
    }

    /// Returns a new placeholder.
    pub(crate) fn placeholder(random: u64) -> Self {
        Self::new(PLACEHOLDER, PLAIN, random)
    }

    /// Returns the placeholder of a load that others wait for.
    pub(crate) fn lease(random: u64) -> Self {
        Self::new(PLACEHOLDER, LEASE, random)
    }

    pub(crate) fn is_lease(bytes: &[u8]) -> bool {
        Self::is_placeholder(bytes) && bytes[3] == LEASE
    }

    fn new(kind: u8, codec: u8, random: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = random.to_le_bytes();
        Self([MAGIC, kind, FORMAT, codec, a, b, c, d, e, f, g, h])
    }

    /// Returns true if these are the first bytes of a placeholder.
    pub(crate) fn is_placeholder(bytes: &[u8]) -> bool {
        bytes.len() == ID_LENGTH && bytes[..3] == [MAGIC, PLACEHOLDER, FORMAT]
    }

    /// Returns the first bytes of a key in this state. For a placeholder, these are all of its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; ID_LENGTH] {
        &self.0
    }

    /// Returns the codec of the payload; for a placeholder, its kind.
    pub(crate) fn codec(&self) -> u8 {
        self.0[3]
    }

    fn is(&self, kind: u8) -> bool {
        self.0[..3] == [MAGIC, kind, FORMAT]
    }
}

/// The key of an entry: a namespace, and the rest of the key. It is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryAddress(u64);

impl EntryAddress {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self(xxh3_64_with_seed(name.as_bytes(), xxh3_64(namespace.as_bytes())))
    }

    /// Returns `before` with its checksum.
    #[cfg(fuzzing)]
    pub(crate) fn signed(self, before: &[u8]) -> Vec<u8> {
        [before, &self.checksum(before)].concat()
    }

    /// Returns the checksum of an entry at this address.
    fn checksum(self, before: &[u8]) -> [u8; CHECKSUM_LENGTH] {
        xxh3_64_with_seed(before, self.0).to_le_bytes()
    }
}

/// The description of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header<'a> {
    /// The id of this store, and the codec.
    pub(crate) state: StateId,
    /// True if the payload is compressed.
    pub(crate) compressed: bool,
    /// The function it belongs to (`key::origin`); 0 for a value stored directly.
    pub(crate) origin: u64,
    /// The digest of the value's shape.
    pub(crate) shape: u64,
    /// The fingerprint of the arguments that it was loaded for; 0 for none.
    pub(crate) fingerprint: u64,
    /// The time at which it was stored: milliseconds by the clock of the Redis node.
    pub(crate) created_ms: u64,
    /// The time for which the value is fresh, in milliseconds; `u64::MAX` for ever.
    pub(crate) fresh_for_ms: u64,
    /// The duration of the load.
    pub(crate) load_micros: u64,
    /// The token of the root.
    pub(crate) root: u64,
    /// The tags by which the value can be invalidated; at most 255.
    pub(crate) tags: SmallVec<[Tag<'a>; FEW_TAGS]>,
}

/// A tag, and the token that it had when the load of the value began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) name: TagName<'a>,
    pub(crate) token: u64,
}

/// The name of a tag in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagName<'a> {
    /// This number of bytes from the start of the entry's own name.
    Prefix(u16),
    /// A name in full.
    Named(&'a str),
}

impl<'a> TagName<'a> {
    /// Returns the shortest form of `tag` in an entry called `entry`.
    pub(crate) fn new(tag: &'a str, entry: &str) -> Self {
        match u16::try_from(tag.len()) {
            Ok(length) if entry.starts_with(tag) => Self::Prefix(length),
            _ => Self::Named(tag),
        }
    }

    /// Returns the name of the tag in an entry called `entry`; `None` if an entry of that name cannot have
    /// the tag.
    pub(crate) fn resolve<'n>(&self, entry: &'n str) -> Option<&'n str>
    where
        'a: 'n,
    {
        match self {
            Self::Prefix(length) => entry.get(..usize::from(*length)),
            Self::Named(name) => Some(name),
        }
    }
}

/// The content of a name in Redis.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a value is the usual case, and boxing it would allocate"
)]
pub(crate) enum Stored<'a> {
    /// The placeholder of a running load.
    Placeholder(StateId),
    /// A value, whole and undamaged: its header and payload.
    Value(Header<'a>, &'a [u8]),
    /// Neither: the bytes are damaged, of another key or version, or not from a cache. Their first twelve
    /// bytes can still be compared.
    Foreign(Option<StateId>),
}
