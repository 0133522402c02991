//! A hasher that gives the same in every process, and on every architecture as far as `Hash` lets it.

use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::Xxh3Default;

pub(super) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = Stable(Xxh3Default::new());
    value.hash(&mut hasher);
    hasher.finish()
}

/// Numbers are little endian, and `usize` has 64 bits. (A slice of `usize` is given as the bytes that
/// it is in memory: processes of 32 and 64 bits that share a Redis see another fingerprint of it.)
struct Stable(Xxh3Default);

macro_rules! numbers {
    ($($method:ident: $from:ty as $to:ty;)*) => {$(
        fn $method(&mut self, number: $from) {
            self.0.update(&(number as $to).to_le_bytes());
        }
    )*};
}

impl Hasher for Stable {
    fn finish(&self) -> u64 {
        self.0.digest()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    numbers! {
        write_u8: u8 as u8;
        write_u16: u16 as u16;
        write_u32: u32 as u32;
        write_u64: u64 as u64;
        write_u128: u128 as u128;
        write_usize: usize as u64;
        write_i8: i8 as i8;
        write_i16: i16 as i16;
        write_i32: i32 as i32;
        write_i64: i64 as i64;
        write_i128: i128 as i128;
        write_isize: isize as i64;
    }
}
