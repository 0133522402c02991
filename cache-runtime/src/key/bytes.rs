//! The bytes of a key, when it is stored.

use std::fmt;
use std::mem::{size_of, size_of_val};
use std::ops::Deref;
use std::sync::Arc;

use super::kept::{self, KeptArgument, KeptArguments};
use crate::support::panics::drop_each;

const INLINE: usize = 38;

/// The canonical bytes of a key: up to 38 of them without an allocation. A key of arguments without serde
/// also has copies of these.
#[derive(Clone)]
pub(crate) struct KeyBytes(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
    Keeping(Arc<KeepingKey>),
}

struct KeepingKey {
    bytes: Box<[u8]>,
    kept: KeptArguments,
}

impl Drop for KeepingKey {
    fn drop(&mut self) {
        drop_each(self.kept.drain(..));
    }
}

const _: () = assert!(size_of::<KeyBytes>() == 40);

impl KeyBytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match inline.get_mut(..bytes.len()) {
            Some(start) => {
                start.copy_from_slice(bytes);
                Self(Repr::Inline { len: bytes.len() as u8, bytes: inline })
            }
            None => Self(Repr::Shared(bytes.into())),
        }
    }

    pub(crate) fn keeping(bytes: &[u8], kept: KeptArguments) -> Self {
        Self(Repr::Keeping(Arc::new(KeepingKey { bytes: bytes.into(), kept })))
    }

    /// Returns the copies of arguments.
    pub(crate) fn kept(&self) -> &[Box<dyn KeptArgument>] {
        match &self.0 {
            Repr::Inline { .. } | Repr::Shared(_) => &[],
            Repr::Keeping(key) => &key.kept,
        }
    }

    /// Returns the bytes that it takes outside itself. Memory that a copy of an argument owns is not known.
    pub(crate) fn heap_size(&self) -> usize {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Shared(bytes) => bytes.len() + 2 * size_of::<usize>(),
            Repr::Keeping(key) => {
                let copies = key.kept.iter().map(|kept| size_of_val(&**kept)).sum::<usize>();
                size_of::<KeepingKey>() + key.bytes.len() + size_of_val(&key.kept[..]) + copies
            }
        }
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Shared(bytes) => bytes,
            Repr::Keeping(key) => &key.bytes,
        }
    }
}

impl PartialEq for KeyBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other && kept::same(self.kept(), other.kept())
    }
}

impl Eq for KeyBytes {}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBytes({} bytes)", self.len())
    }
}
