//! An invalidation in memory, of a thousand to a million entries.

use cache_benches::invalidation::{By, filled, moka, quick_cache, time};
use cache_benches::{Contender, Effort, is_full, measure, publish};

/// Ours, by the name in a table.
const OURS: [(&str, By); 4] = [
    ("cache-runtime, prefix", By::Prefix),
    ("cache-runtime, tag", By::Tag),
    ("cache-runtime, function, prefix", By::PrefixOfFunction),
    ("cache-runtime, function, tag", By::TagOfFunction),
];

const SIZES: [(&str, u64); 4] =
    [("1,000", 1_000), ("10,000", 10_000), ("100,000", 100_000), ("1,000,000", 1_000_000)];

fn main() {
    let sizes = if is_full() { &SIZES[..] } else { &SIZES[..1] };
    let managers: Vec<_> = sizes.iter().map(|(_, entries)| filled(*entries)).collect();
    // All sizes take turns, so that the noise of the machine is the same for all of them.
    let ours = managers.iter().flat_map(|manager| {
        OURS.iter().map(move |(name, by)| Contender::timed(name, || time(manager, *by)))
    });
    let ours = measure(one_call(1_000), ours.collect());
    drop(managers);
    for ((title, entries), ours) in sizes.iter().zip(ours.chunks(OURS.len())) {
        let peers = vec![
            Contender::timed("moka, invalidate_entries_if", || moka(*entries)),
            Contender::timed("quick_cache, retain", || quick_cache(*entries)),
        ];
        let peers = measure(one_call(3), peers);
        let group = format!("memory invalidation, {title} entries");
        publish("invalidation", &group, &[ours, &peers].concat());
    }
}

fn one_call(rounds: usize) -> Effort {
    Effort { calls: 1, ..Effort::full(rounds, 1) }
}
