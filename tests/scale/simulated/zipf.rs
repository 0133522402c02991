//! Zipf's law: the key of rank r is requested as often as the power of 1 / r says.

use cache_tests::Dice;

/// Keys by their rank, for dice.
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    pub(crate) fn new(keys: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Zipf(sums.collect())
    }

    pub(crate) fn key(&self, dice: &mut Dice) -> usize {
        let at = fraction(dice) * self.0[self.0.len() - 1];
        self.0.partition_point(|sum| *sum < at).min(self.0.len() - 1)
    }
}

/// A number in `0.0 .. 1.0`.
pub(crate) fn fraction(dice: &mut Dice) -> f64 {
    (dice.word() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Keys that are requested about equally often: how many, and the part of all reads that each has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    pub(crate) keys: f64,
    pub(crate) share: f64,
}

/// All keys, in classes: the first thousand by themselves, the others by ranks that differ by a hundredth.
pub(crate) fn classes(keys: f64, exponent: f64) -> Vec<Class> {
    let mut classes = Vec::new();
    let (mut rank, mut sum) = (1.0, 0.0);
    while rank <= keys {
        let end = if rank < 1_000.0 { rank + 1.0 } else { (rank * 1.01).floor() }.min(keys + 1.0);
        let middle: f64 = if rank < 1_000.0 { rank } else { (rank + end - 1.0) / 2.0 };
        let weight = middle.powf(-exponent);
        classes.push(Class { keys: end - rank, share: weight });
        sum += (end - rank) * weight;
        rank = end;
    }
    classes.iter_mut().for_each(|class| class.share /= sum);
    classes
}
