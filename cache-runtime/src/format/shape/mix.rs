//! Mixes numbers into a digest. The digests are stored, so the function is defined here: an update of a
//! dependency must not change them.

use smallvec::SmallVec;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Continues `state` with `word`. The finisher is that of SplitMix64.
#[inline]
pub(super) const fn mix(state: u64, word: u64) -> u64 {
    let mut mixed = state.rotate_left(23).wrapping_add(GOLDEN) ^ word;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Continues `state` with a text.
#[inline]
pub(super) fn mix_text(state: u64, text: &str) -> u64 {
    text.as_bytes().mix_into(state)
}

/// A value that is mixed into a digest of contents.
pub(super) trait Mix {
    fn mix_into(self, state: u64) -> u64;
}

impl Mix for &[u8] {
    #[inline]
    fn mix_into(self, state: u64) -> u64 {
        let chunks = self.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        chunks.fold(mix(state, self.len() as u64), mix)
    }
}

impl Mix for &str {
    #[inline]
    fn mix_into(self, state: u64) -> u64 {
        mix_text(state, self)
    }
}

macro_rules! words {
    ($($number:ty: $value:ident => $($word:expr),+;)*) => {$(
        impl Mix for $number {
            #[inline]
            fn mix_into(self, state: u64) -> u64 {
                let $value = self;
                $(let state = mix(state, $word);)+
                state
            }
        }
    )*};
}

words! {
    bool: x => u64::from(x);
    i8: x => x as u64;
    i16: x => x as u64;
    i32: x => x as u64;
    i64: x => x as u64;
    i128: x => x as u64, (x >> 64) as u64;
    u8: x => x.into();
    u16: x => x.into();
    u32: x => x.into();
    u64: x => x;
    u128: x => x as u64, (x >> 64) as u64;
    f32: x => x.to_bits().into();
    f64: x => x.to_bits();
    char: x => x.into();
}

/// A set of shapes.
#[derive(Default)]
pub(super) struct ShapeSet {
    shapes: SmallVec<[u64; 8]>,
    /// The number of distinct shapes at the last compaction.
    distinct: usize,
}

impl ShapeSet {
    /// Adds a shape. Elements mostly have the shape of the one before.
    #[inline]
    pub(super) fn insert(&mut self, shape: u64) {
        if self.shapes.last() != Some(&shape) {
            self.insert_new(shape);
        }
    }

    fn insert_new(&mut self, shape: u64) {
        self.shapes.push(shape);
        if self.shapes.len() >= 2 * self.distinct.max(32) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.shapes.sort_unstable();
        self.shapes.dedup();
        self.distinct = self.shapes.len();
    }

    /// Continues `state` with all shapes, independently of their order.
    #[inline]
    pub(super) fn mix_into(mut self, state: u64) -> u64 {
        if self.shapes.len() > 1 {
            self.settle();
        }
        self.shapes
            .iter()
            .fold(mix(state, self.shapes.len() as u64), |state, shape| mix(state, *shape))
    }
}
