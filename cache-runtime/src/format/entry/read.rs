//! Reads the content of a key in Redis. It accepts any bytes, and its cost is proportional to their length.

use std::str;

use smallvec::SmallVec;

use super::{
    CHECKSUM_LENGTH, COMPRESSED, EntryAddress, FEW_TAGS, Header, ID_LENGTH, LEASE, NAMED_TAG,
    PLACEHOLDER, PLAIN, PREFIX_TAG, StateId, Stored, Tag, TagName, VALUE,
};

impl<'a> Stored<'a> {
    /// Reads `bytes` that were found at `address`.
    pub(crate) fn read(bytes: &'a [u8], address: EntryAddress) -> Self {
        let Some((id, rest)) = bytes.split_first_chunk::<ID_LENGTH>() else {
            return Self::Foreign(None);
        };
        let state = StateId(*id);
        if state.is(PLACEHOLDER) && [PLAIN, LEASE].contains(&state.codec()) && rest.is_empty() {
            return Self::Placeholder(state);
        }
        // R5: bytes that are damaged, or were written under another key, are not a value.
        match undamaged(bytes, address).and_then(|body| value(state, body)) {
            Some((header, payload)) => Self::Value(header, payload),
            None => Self::Foreign(Some(state)),
        }
    }
}

/// Returns the bytes between the state and the checksum, if the checksum is right.
fn undamaged(bytes: &[u8], address: EntryAddress) -> Option<&[u8]> {
    let (before, checksum) = bytes.split_last_chunk::<CHECKSUM_LENGTH>()?;
    let body = before.get(ID_LENGTH..)?;
    (address.checksum(before) == *checksum).then_some(body)
}

fn value(state: StateId, body: &[u8]) -> Option<(Header<'_>, &[u8])> {
    if !state.is(VALUE) {
        return None;
    }
    let mut reader = Reader(body);
    let header = Header {
        state,
        compressed: reader.flags()?,
        origin: reader.u64()?,
        shape: reader.u64()?,
        fingerprint: reader.u64()?,
        created_ms: reader.u64()?,
        fresh_for_ms: reader.u64()?,
        load_micros: reader.u64()?,
        root: reader.u64()?,
        tags: reader.tags()?,
    };
    let payload = reader.payload()?;
    Some((header, payload))
}

/// The bytes that have not been read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn flags(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            COMPRESSED => Some(true),
            _ => None,
        }
    }

    fn tags(&mut self) -> Option<SmallVec<[Tag<'a>; FEW_TAGS]>> {
        let mut tags = SmallVec::new();
        for _ in 0..self.u8()? {
            tags.push(self.tag()?);
        }
        Some(tags)
    }

    fn tag(&mut self) -> Option<Tag<'a>> {
        let (kind, length) = (self.u8()?, self.u16()?);
        let name = match kind {
            PREFIX_TAG => TagName::Prefix(length),
            NAMED_TAG => TagName::Named(str::from_utf8(self.take(length.into())?).ok()?),
            _ => return None,
        };
        Some(Tag { name, token: self.u64()? })
    }

    /// Returns the payload, which must be all remaining bytes.
    fn payload(&mut self) -> Option<&'a [u8]> {
        let length = self.array().map(u32::from_le_bytes)?;
        let payload = self.take(length.try_into().ok()?)?;
        self.0.is_empty().then_some(payload)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
