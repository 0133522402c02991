//! The arguments of the measured calls.

use std::ops::Range;

use fastrand::Rng;

use crate::Zipf;

/// The arguments of a measured function.
pub type Arguments = (u64, &'static str);

/// The distribution of the requested keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Access {
    /// All of them evenly.
    Uniform,
    /// By Zipf's law of this skew.
    Zipf(f64),
}

const TEXTS: [&str; 8] = ["en-GB", "de-DE", "fr-FR", "it-IT", "pl-PL", "pt-BR", "ja-JP", "sv-SE"];

/// Returns one call for each of these keys.
pub fn all_calls(keys: Range<u64>) -> Vec<Arguments> {
    keys.map(arguments).collect()
}

/// Returns the arguments of `count` calls, drawn from these keys; the same in every run.
pub fn random_calls(access: Access, keys: Range<u64>, count: usize) -> Vec<Arguments> {
    let mut random = Rng::with_seed(1);
    let first = keys.start;
    let mut draw: Box<dyn FnMut() -> u64> = match access {
        Access::Uniform => Box::new(move || random.u64(keys.clone())),
        Access::Zipf(skew) => {
            let law = Zipf::new(keys.end - first, skew);
            Box::new(move || first + law.draw(&mut random))
        }
    };
    (0..count).map(|_| arguments(draw())).collect()
}

fn arguments(key: u64) -> Arguments {
    (key * 1_000_003, TEXTS[key as usize % TEXTS.len()])
}
