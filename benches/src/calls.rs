//! The arguments of the measured calls.

use fastrand::Rng;

/// What a measured function is called with.
pub type Arguments = (u64, &'static str);

const TEXTS: [&str; 8] = ["en-GB", "de-DE", "fr-FR", "it-IT", "pl-PL", "pt-BR", "ja-JP", "sv-SE"];

/// One call for each of so many keys.
pub fn all_calls(keys: u64) -> Vec<Arguments> {
    (0..keys).map(arguments).collect()
}

/// The arguments of `count` calls, drawn evenly from so many keys; the same in every run.
pub fn random_calls(keys: u64, count: usize) -> Vec<Arguments> {
    let mut random = Rng::with_seed(1);
    (0..count).map(|_| arguments(random.u64(..keys))).collect()
}

fn arguments(key: u64) -> Arguments {
    (key * 1_000_003, TEXTS[key as usize % TEXTS.len()])
}
