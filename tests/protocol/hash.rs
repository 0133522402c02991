//! A hash that is quick without optimisation. Equal hashes do no harm but cost time.

use std::hash::{BuildHasherDefault, Hasher};

pub type Quick = BuildHasherDefault<Folded>;

#[derive(Default)]
pub struct Folded(u64);

impl Folded {
    fn fold(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.fold(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.fold(number.into());
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }
}
