//! Random values.

/// A sequence of numbers that is determined by its seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.word() >> 16) % end
    }

    pub(super) fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// Returns a number that is mostly small, because small numbers look like lengths and tags.
    pub(super) fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(3),
            1 => self.below(70),
            2 => self.pick(&[127, 128, 250, 251, 255, 256, 65_535, u32::MAX.into(), u64::MAX]),
            _ => self.word(),
        }
    }

    pub(super) fn small(&mut self) -> u8 {
        self.number() as u8
    }

    pub(super) fn float(&mut self) -> f64 {
        let special = [0.0, -0.0, 1.0, -1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
        if self.flip() { self.pick(&special) } else { self.number() as f64 / 7.0 }
    }

    pub(super) fn text(&mut self) -> String {
        let letter =
            |dice: &mut Self| dice.pick(&['a', 'B', '0', ' ', '"', '\0', '\u{1}', 'ö', '𝄞']);
        let length = match self.below(1_000) {
            0 => 70_000,
            1..25 => self.below(300),
            _ => self.below(6),
        };
        (0..length).map(|_| letter(self)).collect()
    }

    pub(super) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flip().then(|| make(self))
    }

    pub(super) fn some<C: FromIterator<T>, T>(&mut self, make: impl Fn(&mut Self) -> T) -> C {
        let count = self.below(5);
        (0..count).map(|_| make(self)).collect()
    }
}
