//! Measures the share of hits among the requests of a trace, with space for one key in a hundred.

use cache_benches::hits::{Trace, hit_ratios};
use cache_benches::{Figure, is_full, record};

const ENTRIES: usize = 10_000;

fn main() {
    let length = if is_full() { 2_000_000 } else { 20_000 };
    for trace in Trace::all(length) {
        let (ratios, entries) = hit_ratios(&trace, ENTRIES);
        let group = format!("hit ratio, {}", trace.name);
        println!("\n{group} ({entries} entries, {length} requests)");
        for ratio in &ratios {
            println!("  {:32} {:>10.2} %", ratio.name, ratio.percent);
        }
        let figures = ratios.iter().map(|own| Figure::new(&group, own.name, own.percent, "%"));
        record("hit_ratio", &figures.collect::<Vec<_>>());
    }
}
