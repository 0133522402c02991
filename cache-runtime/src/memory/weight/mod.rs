//! What a value weighs: the memory that it takes.
//!
//! Nothing but `Serialize` shows what a value holds, and that shows neither the type of an element, which
//! a slice passes by reference, nor the variant that an enum has room for. So the types in a value are learnt
//! once from its `Deserialize` ([`learn`]), and each value is then walked ([`walk`]) with their sizes
//! in hand. How the collections of the standard library keep their elements is known by their names
//! ([`layout`]).
//!
//! What cannot be seen: capacity beyond the length (a clone has none), fields that serde skips, what a
//! `serialize_with` turns into something else, and that several values share what they point to.

mod layout;
mod learn;
#[cfg(test)]
mod tests;
mod walk;

use std::mem::needs_drop;

use bincode::enc::write::SizeWriter;

use crate::output::CacheValue;

/// The bytes a value owns outside itself.
pub(super) fn heap_size<V: CacheValue>(value: &V) -> usize {
    if needs_drop::<V>() { walk::heap_size(value, &learn::sizes::<V>()) } else { 0 }
}

/// The bytes a value takes when it is encoded, besides its own size.
pub(crate) fn encoded_size<V: CacheValue>(value: &V) -> usize {
    if !needs_drop::<V>() {
        return 0;
    }
    let mut writer = SizeWriter::default();
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
