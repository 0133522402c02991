//! The statistics as metrics: one table, from which each exporter makes its own form.
//!
//! The statistics are read on request, so counting costs no more than without metrics. Labels are call sites
//! and prefixes, whose number the code of the program limits. They are never names of entries.

#[cfg(feature = "otel")]
pub mod otel;
pub(crate) mod prometheus;

use std::time::Duration;

use cache_runtime::{GateStats, Health, Latencies, SiteStats, Stats};

use Kind::{Amount, Counter, State};
use Values::{Cache, CacheTimes, Healths, SiteTimes, Sites, Sources};

/// The metrics of one name.
struct Family {
    /// Its name for Prometheus, with the unit, and with `_total` if it only grows.
    prometheus: &'static str,
    /// Its name for OpenTelemetry, which has separate fields for kind and unit.
    #[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "for OpenTelemetry alone"))]
    otel: &'static str,
    /// The unit by UCUM. For durations, this is the unit of their count.
    #[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "for OpenTelemetry alone"))]
    unit: &'static str,
    help: &'static str,
    values: Values,
}

/// The source of the values. Prometheus uses `f64` for all numbers; counts are exact up to 2^53.
enum Values {
    /// One value for each call site.
    Sites(Kind, &'static [Part]),
    /// One value for the whole cache.
    Cache(Kind, fn(&Stats) -> f64),
    /// A value of the health, for exporters that can wait for a reply from Redis.
    Healths(Kind, fn(&Health) -> f64),
    /// One value for each source with a limit, and for each function with one of its own.
    Sources(Kind, fn(&GateStats) -> f64),
    SiteTimes(fn(&SiteStats) -> &Latencies),
    CacheTimes(fn(&Stats) -> &Latencies),
}

/// The kind of a metric.
#[derive(Clone, Copy)]
enum Kind {
    /// A value that only grows.
    Counter,
    /// A value that rises and falls, and that can be added over several processes.
    Amount,
    /// A value that rises and falls, and is not added: each process reports the same, or it is 1 or 0.
    State,
}

/// A number of a call site, with the label that distinguishes it from others of the same name.
type Part = (Option<Label>, fn(&SiteStats) -> f64);

/// A name and a value.
type Label = (&'static str, &'static str);

static FAMILIES: [Family; 43] = [
    family(
        ["cache_hits_total", "cache.hits", "{call}", "Calls answered from a store."],
        Sites(
            Counter,
            &[
                (Some(("store", "memory")), |site| site.counts.memory_hits as f64),
                (Some(("store", "redis")), |site| site.counts.redis_hits as f64),
            ],
        ),
    ),
    family(
        ["cache_misses_total", "cache.misses", "{call}", "Calls that found no fresh value."],
        Sites(Counter, &[(None, |site| site.counts.misses as f64)]),
    ),
    family(
        ["cache_load_errors_total", "cache.load.errors", "{load}", "Loads that returned an error."],
        Sites(Counter, &[(None, |site| site.counts.load_errors as f64)]),
    ),
    family(
        [
            "cache_batches_total",
            "cache.batches",
            "{load}",
            "Runs of the body of a function of many keys that have returned values.",
        ],
        Sites(Counter, &[(None, |site| site.counts.batches as f64)]),
    ),
    family(
        [
            "cache_batch_keys_total",
            "cache.batch_keys",
            "{key}",
            "Keys that these runs have loaded.",
        ],
        Sites(Counter, &[(None, |site| site.counts.batch_keys as f64)]),
    ),
    family(
        [
            "cache_coalesced_total",
            "cache.coalesced",
            "{call}",
            "Calls that got the value of another caller's load.",
        ],
        Sites(Counter, &[(None, |site| site.counts.coalesced as f64)]),
    ),
    family(
        [
            "cache_error_hits_total",
            "cache.error_hits",
            "{call}",
            "Calls answered by an error that a load has returned lately.",
        ],
        Sites(Counter, &[(None, |site| site.counts.error_hits as f64)]),
    ),
    family(
        [
            "cache_stale_served_total",
            "cache.stale_served",
            "{call}",
            "Values served past their TTL.",
        ],
        Sites(Counter, &[(None, |site| site.counts.stale_served as f64)]),
    ),
    family(
        [
            "cache_refreshes_total",
            "cache.refreshes",
            "{load}",
            "Loads while the previous value was served.",
        ],
        Sites(Counter, &[(None, |site| site.counts.refreshes as f64)]),
    ),
    family(
        [
            "cache_revalidations_total",
            "cache.revalidations",
            "{value}",
            "Old values about which the source was asked: stored again, changed, or confirmed and not stored.",
        ],
        Sites(
            Counter,
            &[
                (Some(("result", "renewed")), |site| site.counts.revalidated as f64),
                (Some(("result", "changed")), |site| site.counts.revalidation_changes as f64),
                (Some(("result", "refused")), |site| site.counts.revalidations_refused as f64),
            ],
        ),
    ),
    family(
        [
            "cache_verifications_total",
            "cache.verifications",
            "{value}",
            "Hits compared with their source: equal, different, or without a result.",
        ],
        Sites(
            Counter,
            &[
                (Some(("result", "consistent")), |site| site.counts.verified_consistent as f64),
                (Some(("result", "inconsistent")), |site| site.counts.verified_inconsistent as f64),
                (Some(("result", "raced")), |site| site.counts.verified_raced as f64),
                (Some(("result", "unstable")), |site| site.counts.verified_unstable as f64),
                (Some(("result", "failed")), |site| site.counts.verified_failed as f64),
            ],
        ),
    ),
    family(
        ["cache_stores_total", "cache.stores", "{value}", "Values stored."],
        Sites(Counter, &[(None, |site| site.counts.stores as f64)]),
    ),
    family(
        [
            "cache_not_stored_total",
            "cache.not_stored",
            "{value}",
            "Values not stored: overtaken by an invalidation or another load, too large, or lost by serde.",
        ],
        Sites(
            Counter,
            &[
                (Some(("reason", "overtaken")), |site| site.counts.refused as f64),
                (Some(("reason", "unfit")), |site| site.counts.not_stored as f64),
                (Some(("reason", "lossy")), |site| site.counts.lossy as f64),
            ],
        ),
    ),
    family(
        [
            "cache_evictions_total",
            "cache.evictions",
            "{entry}",
            "Entries that memory, or the room of their function in it, had no room for.",
        ],
        Sites(Counter, &[(None, |site| site.counts.evictions as f64)]),
    ),
    family(
        [
            "cache_decode_failures_total",
            "cache.decode_failures",
            "{entry}",
            "Entries found that could not be decoded exactly.",
        ],
        Sites(Counter, &[(None, |site| site.counts.decode_failures as f64)]),
    ),
    family(
        ["cache_bypassed_total", "cache.bypassed", "{call}", "Calls that bypassed the cache."],
        Sites(Counter, &[(None, |site| site.counts.bypassed as f64)]),
    ),
    family(
        ["cache_saved_seconds_total", "cache.saved.time", "s", "Load time that hits have saved."],
        Sites(Counter, &[(None, |site| site.counts.time_saved().as_secs_f64())]),
    ),
    family(
        [
            "cache_saved_cost_total",
            "cache.saved.cost",
            "{cost}",
            "Cost that hits have saved, in the unit of the option `cost`.",
        ],
        Sites(Counter, &[(None, |site| site.counts.saved_cost)]),
    ),
    family(
        ["cache_load_duration_seconds", "cache.load.duration", "{load}", "Durations of loads."],
        SiteTimes(|site| &site.load_times),
    ),
    family(
        [
            "cache_site_enabled",
            "cache.site.enabled",
            "1",
            "1 if the calls of a site use the cache, 0 if they are switched off.",
        ],
        Sites(State, &[(None, |site| f64::from(site.enabled))]),
    ),
    family(
        [
            "cache_invalidations_total",
            "cache.invalidations",
            "{invalidation}",
            "Requested invalidations.",
        ],
        Cache(Counter, |stats| stats.invalidations as f64),
    ),
    family(
        [
            "cache_redis_errors_total",
            "cache.redis.errors",
            "{operation}",
            "Redis operations that failed.",
        ],
        Cache(Counter, |stats| stats.redis_errors as f64),
    ),
    family(
        ["cache_redis_outages_total", "cache.redis.outages", "{outage}", "Outages of Redis."],
        Cache(Counter, |stats| stats.redis_outages as f64),
    ),
    family(
        [
            "cache_notices_total",
            "cache.notices",
            "{invalidation}",
            "Received invalidations of other processes.",
        ],
        Cache(Counter, |stats| stats.notices as f64),
    ),
    family(
        [
            "cache_feed_interruptions_total",
            "cache.feed.interruptions",
            "{interruption}",
            "Interruptions of the feed of invalidations.",
        ],
        Cache(Counter, |stats| stats.feed_interruptions as f64),
    ),
    family(
        [
            "cache_flights",
            "cache.flight.count",
            "{load}",
            "Loads in progress that others can join.",
        ],
        Cache(Amount, |stats| stats.flights as f64),
    ),
    family(
        [
            "cache_background_loads",
            "cache.background_load.count",
            "{load}",
            "Running loads in the background.",
        ],
        Cache(Amount, |stats| stats.background_loads as f64),
    ),
    family(
        ["cache_memory_entries", "cache.memory.entry.count", "{entry}", "Entries in memory."],
        Cache(Amount, |stats| stats.entries as f64),
    ),
    family(
        ["cache_memory_bytes", "cache.memory.usage", "By", "Memory that the entries take."],
        Cache(Amount, |stats| stats.bytes as f64),
    ),
    family(
        [
            "cache_memory_capacity_bytes",
            "cache.memory.limit",
            "By",
            "Capacity of the memory store.",
        ],
        Cache(Amount, |stats| stats.capacity as f64),
    ),
    family(
        [
            "cache_pending_invalidations",
            "cache.pending_invalidation.count",
            "{invalidation}",
            "Invalidations that Redis has not confirmed.",
        ],
        Cache(Amount, |stats| stats.pending_invalidations as f64),
    ),
    family(
        [
            "cache_outbox_rows",
            "cache.outbox.row.count",
            "{row}",
            "Rows in the outbox of a database that wait for a relay.",
        ],
        Cache(State, |stats| stats.outbox.rows as f64),
    ),
    family(
        [
            "cache_outbox_oldest_seconds",
            "cache.outbox.oldest",
            "s",
            "Age of the oldest row that waits in the outbox.",
        ],
        Cache(State, |stats| stats.outbox.oldest.unwrap_or_default().as_secs_f64()),
    ),
    family(
        [
            "cache_outbox_poisoned_rows",
            "cache.outbox.poisoned_row.count",
            "{row}",
            "Rows in the outbox that cannot be applied.",
        ],
        Cache(State, |stats| stats.outbox.poisoned as f64),
    ),
    family(
        [
            "cache_source_limit",
            "cache.source.limit",
            "{load}",
            "Maximum number of bodies of a source, or of a function with `max_loads`, that run at once.",
        ],
        Sources(Amount, |source| f64::from(source.limit)),
    ),
    family(
        ["cache_source_running", "cache.source.running", "{load}", "Bodies of a source that run."],
        Sources(Amount, |source| f64::from(source.running)),
    ),
    family(
        ["cache_source_waiting", "cache.source.waiting", "{load}", "Loads that wait for a source."],
        Sources(Amount, |source| source.waiting as f64),
    ),
    family(
        [
            "cache_source_queued_total",
            "cache.source.queued",
            "{load}",
            "Loads that had to wait for a source.",
        ],
        Sources(Counter, |source| source.queued as f64),
    ),
    family(
        [
            "cache_source_waited_seconds_total",
            "cache.source.waited",
            "s",
            "Time for which loads have waited for a source.",
        ],
        Sources(Counter, |source| source.waited().as_secs_f64()),
    ),
    family(
        [
            "cache_source_shed_total",
            "cache.source.shed",
            "{load}",
            "Loads that were given up instead of waiting for a source.",
        ],
        Sources(Counter, |source| source.shed as f64),
    ),
    family(
        [
            "cache_source_open",
            "cache.source.open",
            "1",
            "1 while the breaker of a source is open, because the source fails, otherwise 0.",
        ],
        Sources(State, |source| f64::from(source.open == Some(true))),
    ),
    family(
        [
            "cache_healthy",
            "cache.healthy",
            "1",
            "1 if all configured stores are in use, otherwise 0.",
        ],
        Healths(State, |health| f64::from(health.reason.is_none())),
    ),
    family(
        [
            "cache_redis_duration_seconds",
            "cache.redis.duration",
            "{operation}",
            "Response times of Redis.",
        ],
        CacheTimes(|stats| &stats.redis_times),
    ),
];

const fn family(texts: [&'static str; 4], values: Values) -> Family {
    let [prometheus, otel, unit, help] = texts;
    Family { prometheus, otel, unit, help, values }
}

/// Returns the sources with a limit, and then the functions with one of their own.
fn gates(stats: &Stats) -> impl Iterator<Item = &GateStats> {
    stats.sources.iter().chain(&stats.limits)
}

/// Returns the upper bound of a bucket, in seconds.
fn le(bound: Option<Duration>) -> String {
    bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string())
}
