//! A hasher with the same results in every process, and on every architecture as far as `Hash` permits.

use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// The longest input that is hashed at once. The state for longer ones is larger than that of most arguments.
const SHORT: usize = 64;

pub(super) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = Stable::Short([0; SHORT], 0);
    value.hash(&mut hasher);
    hasher.finish()
}

/// The hasher. Numbers are little endian, and `usize` has 64 bits. (`Hash` passes a slice of `usize` as its
/// bytes in memory. So processes of 32 and 64 bits that share a Redis have different fingerprints of it.)
#[allow(clippy::large_enum_variant, reason = "it stays where it is made")]
enum Stable {
    /// The bytes, and their number.
    Short([u8; SHORT], usize),
    Long(Xxh3Default),
}

impl Stable {
    #[cold]
    fn lengthen(&mut self, bytes: &[u8]) {
        let mut long = Xxh3Default::new();
        if let Stable::Short(short, length) = self {
            long.update(&short[..*length]);
        }
        long.update(bytes);
        *self = Stable::Long(long);
    }
}

macro_rules! numbers {
    ($($method:ident: $from:ty as $to:ty;)*) => {$(
        fn $method(&mut self, number: $from) {
            self.write(&(number as $to).to_le_bytes());
        }
    )*};
}

impl Hasher for Stable {
    fn finish(&self) -> u64 {
        match self {
            Stable::Short(short, length) => xxh3_64(&short[..*length]),
            Stable::Long(long) => long.digest(),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match self {
            Stable::Short(short, length) => match short[*length..].get_mut(..bytes.len()) {
                Some(place) => {
                    place.copy_from_slice(bytes);
                    *length += bytes.len();
                }
                None => self.lengthen(bytes),
            },
            Stable::Long(long) => long.update(bytes),
        }
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
