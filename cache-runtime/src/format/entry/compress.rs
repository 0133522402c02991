//! Compression of payloads: an lz4 block with its size in front.
//!
//! Without the feature `compression`, nothing is compressed, and an entry that another process has compressed
//! is a miss.

/// Returns the compressed payload, if it is smaller.
#[cfg(feature = "compression")]
pub(crate) fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    let compressed = lz4_flex::block::compress_prepend_size(payload);
    (compressed.len() < payload.len()).then_some(compressed)
}

/// Returns the original payload; `None` if these are not compressed bytes, or the payload has more than
/// `limit`.
#[cfg(feature = "compression")]
pub(crate) fn decompress(compressed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (size, block) = lz4_flex::block::uncompressed_size(compressed).ok()?;
    // The best ratio of lz4. A larger claim is false, and would only make the decoder allocate.
    let possible = block.len().saturating_mul(255).saturating_add(64);
    if size > possible.min(limit) {
        return None;
    }
    lz4_flex::block::decompress(block, size).ok().filter(|payload| payload.len() == size)
}

#[cfg(not(feature = "compression"))]
pub(crate) fn compress(_: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "compression"))]
pub(crate) fn decompress(_: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}
