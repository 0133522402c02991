//! The keys that are requested, one after the other.

use fastrand::Rng;

use crate::Zipf;

/// A sequence of keys, and what it is called.
#[derive(Debug)]
pub struct Trace {
    /// The name in a table.
    pub name: &'static str,
    /// The keys.
    pub keys: Vec<u64>,
}

/// The number of keys from which the popular ones are drawn.
const KEYS: u64 = 1_000_000;

impl Trace {
    /// All traces, each of `length` requests; the same in every run.
    pub fn all(length: usize) -> Vec<Trace> {
        vec![
            Trace::popular("Zipf 0.8", 0.8, length),
            Trace::popular("Zipf 0.99", 0.99, length),
            Trace::popular("Zipf 1.2", 1.2, length),
            Trace::scanned(length),
            Trace::shifting(length),
        ]
    }

    fn popular(name: &'static str, skew: f64, length: usize) -> Self {
        let (law, mut random) = (Zipf::new(KEYS, skew), Rng::with_seed(1));
        Trace { name, keys: (0..length).map(|_| law.draw(&mut random)).collect() }
    }

    /// Zipf 0.99, and now and then one pass over twenty thousand keys that nobody requests again.
    fn scanned(length: usize) -> Self {
        const BETWEEN: u64 = 80_000;
        const SCAN: u64 = 20_000;
        let (law, mut random) = (Zipf::new(KEYS, 0.99), Rng::with_seed(1));
        let keys = (0..length as u64).map(|request| match request % (BETWEEN + SCAN) {
            ..BETWEEN => law.draw(&mut random),
            _ => KEYS + request,
        });
        Trace { name: "scans", keys: keys.collect() }
    }

    /// Zipf 0.99, whose popular keys are others ten times.
    fn shifting(length: usize) -> Self {
        let (law, mut random) = (Zipf::new(KEYS, 0.99), Rng::with_seed(1));
        let period = length.div_ceil(10).max(1);
        let keys = (0..length).map(|request| {
            let shift = (request / period) as u64 * (KEYS / 10);
            (law.draw(&mut random) + shift) % KEYS
        });
        Trace { name: "shifts", keys: keys.collect() }
    }
}
