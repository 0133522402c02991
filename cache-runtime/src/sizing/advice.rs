//! Concludes the advice from the use of memory.

use std::time::Duration;

use super::finding::SizingFinding;
use super::report::{FunctionSizing, Sizing, lookups};
use crate::stats::Latencies;

/// The fewest calls from which anything is concluded.
const FEWEST_CALLS: u64 = 1_000;
/// The least gain in the hit rate for which more memory is advised.
const WORTH: f64 = 0.01;
/// The part of the used memory from which on a function takes much of it.
const MUCH: f64 = 0.05;
/// The hit rate below which entries are of little use.
const FEW_HITS: f64 = 0.05;
/// The fewest comparisons from which something is said about a TTL.
const FEWEST_RELOADS: u64 = 20;
/// The part of unchanged values from which on a TTL is too short.
const MOSTLY: f64 = 0.9;
/// The requests to Redis of a miss: the read, the begin and the end of a load.
const REQUESTS_OF_A_MISS: u32 = 3;

/// Returns all findings: about the whole first, then by function.
pub(super) fn all(sizing: &Sizing, redis_times: &Latencies) -> Vec<SizingFinding> {
    let by_function = sizing.functions.iter().flat_map(|function| {
        [
            room_without_hits(function, sizing.bytes),
            short_ttl(function),
            costs_more(function, redis_times),
        ]
    });
    [more_memory(sizing)].into_iter().chain(by_function).flatten().collect()
}

fn more_memory(sizing: &Sizing) -> Option<SizingFinding> {
    let Sizing { capacity, hit_rate, hit_rate_at_2x, hit_rate_at_4x, .. } = *sizing;
    let gains = (hit_rate_at_2x - hit_rate).max((hit_rate_at_4x - hit_rate) / 2.0) >= WORTH;
    (gains && sizing.lookups >= FEWEST_CALLS).then_some(SizingFinding::MoreMemory {
        capacity,
        hit_rate,
        hit_rate_at_2x,
        hit_rate_at_4x,
    })
}

fn room_without_hits(function: &FunctionSizing, used: u64) -> Option<SizingFinding> {
    let FunctionSizing { name, bytes, memory_hit_rate, counts, .. } = function;
    let takes_much = *bytes as f64 >= used as f64 * MUCH && *bytes > 0;
    let finding = SizingFinding::RoomWithoutHits {
        function: name.clone(),
        bytes: *bytes,
        hit_rate: *memory_hit_rate,
    };
    (takes_much && lookups(counts) >= FEWEST_CALLS && *memory_hit_rate < FEW_HITS)
        .then_some(finding)
}

fn short_ttl(function: &FunctionSizing) -> Option<SizingFinding> {
    let (compared, unchanged) =
        (function.counts.reloads_compared, function.counts.reloads_unchanged);
    let mostly = unchanged as f64 >= compared as f64 * MOSTLY;
    let finding = SizingFinding::ShortTtl { function: function.name.clone(), compared, unchanged };
    (compared >= FEWEST_RELOADS && mostly).then_some(finding)
}

fn costs_more(function: &FunctionSizing, redis_times: &Latencies) -> Option<SizingFinding> {
    let counts = &function.counts;
    let requests = u32::try_from(redis_times.count()).ok().filter(|count| *count > 0)?;
    let request = redis_times.sum() / requests;
    // Followers of a load wait for it without requests of their own.
    let misses = counts.misses.saturating_sub(counts.coalesced);
    let requests =
        counts.redis_hits.saturating_add(misses.saturating_mul(REQUESTS_OF_A_MISS.into()));
    let spent = Duration::from_secs_f64(request.as_secs_f64() * requests as f64);
    let saved = counts.time_saved();
    let asks_redis = counts.redis_hits > 0;
    let finding =
        SizingFinding::CostsMoreThanItSaves { function: function.name.clone(), spent, saved };
    (asks_redis && lookups(counts) >= FEWEST_CALLS && spent > saved).then_some(finding)
}
