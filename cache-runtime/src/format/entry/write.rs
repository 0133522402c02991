//! Writing an envelope.

use std::fmt;

use super::{COMPRESSED, EntryAddress, Header, NAMED_TAG, PREFIX_TAG, Tag, TagName};

/// The error of an entry that exceeds the limits of an envelope: of the payload (4 GiB), the number of tags
/// (255), or the length of a tag (64 KiB).
#[derive(Debug)]
pub(crate) struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value or its tags exceed what can be stored")
    }
}

impl std::error::Error for TooLarge {}

/// Appends the envelope of a value that is stored at `address` to `out`, which must be empty.
///
/// # Errors
/// [`TooLarge`]; the content of `out` is then meaningless.
pub(crate) fn encode(
    header: &Header<'_>,
    payload: &[u8],
    address: EntryAddress,
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    let Header {
        state,
        compressed,
        origin,
        shape,
        fingerprint,
        created_ms,
        fresh_for_ms,
        load_micros,
        root,
        tags,
    } = header;
    out.extend_from_slice(state.as_bytes());
    out.push(if *compressed { COMPRESSED } else { 0 });
    for word in [origin, shape, fingerprint, created_ms, fresh_for_ms, load_micros, root] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.push(tags.len().try_into().map_err(|_| TooLarge)?);
    tags.iter().try_for_each(|tag| push_tag(tag, out))?;
    let length: u32 = payload.len().try_into().map_err(|_| TooLarge)?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(payload);
    let checksum = address.checksum(out);
    out.extend_from_slice(&checksum);
    Ok(())
}

fn push_tag(tag: &Tag<'_>, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    match tag.name {
        TagName::Prefix(length) => {
            out.push(PREFIX_TAG);
            out.extend_from_slice(&length.to_le_bytes());
        }
        TagName::Named(name) => {
            let length: u16 = name.len().try_into().map_err(|_| TooLarge)?;
            out.push(NAMED_TAG);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(name.as_bytes());
        }
    }
    out.extend_from_slice(&tag.token.to_le_bytes());
    Ok(())
}
