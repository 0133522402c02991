//! What a value weighs.

use std::mem::needs_drop;

use bincode::enc::write::SizeWriter;

use crate::output::CacheValue;

/// What the allocations of a value that owns memory cost besides what is in them.
pub(super) fn allocations<V>() -> usize {
    if needs_drop::<V>() { 32 } else { 0 }
}

/// The bytes a value owns outside itself, as nearly as its serialised size tells.
pub(crate) fn heap_size<V: CacheValue>(value: &V) -> usize {
    if !needs_drop::<V>() {
        return 0;
    }
    let mut writer = SizeWriter::default();
    // Numbers in their full width, as they are in memory.
    match bincode::serde::encode_into_writer(value, &mut writer, bincode::config::legacy()) {
        Ok(()) => writer.bytes_written,
        // A type that bincode cannot carry (a flattened map, say) is counted in MessagePack.
        Err(_) => message_pack_size(value),
    }
}

fn message_pack_size<V: CacheValue>(value: &V) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be serialised at all counts with what was written up to the failure.
    let _ = rmp_serde::encode::write_named(&mut count, value);
    count.0
}
