//! Zipf's law: the key of rank `r` is requested in proportion to `1 / r^skew`.

use fastrand::Rng;

/// The law over this many keys; key 0 is the most popular one.
#[derive(Debug)]
pub struct Zipf {
    /// For each key, how much of the whole falls on it and on those before it.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// The law of this skew over this many keys.
    pub fn new(keys: u64, skew: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=keys)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|part| *part /= sum);
        Zipf { cumulative }
    }

    /// Draws a key.
    pub fn draw(&self, random: &mut Rng) -> u64 {
        let point = random.f64();
        let key = self.cumulative.partition_point(|&part| part <= point);
        key.min(self.cumulative.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_twice_as_popular_as_the_second() {
        let law = Zipf::new(100, 1.0);
        let mut random = Rng::with_seed(1);
        let draws: Vec<u64> = (0..100_000).map(|_| law.draw(&mut random)).collect();
        let of = |key| draws.iter().filter(|&&drawn| drawn == key).count() as f64;
        assert!((of(0) / of(1) - 2.0).abs() < 0.1);
        assert!(draws.iter().all(|&key| key < 100));
    }
}
