//! The statistics in the text format of Prometheus.
//!
//! They are gathered when they are asked for; counting costs what it costs without them. Labels are call
//! sites and prefixes, which the program's code bounds; never names of entries.

use std::fmt::{self, Write as _};

use cache_runtime::{Counts, Health, Latencies, SiteStats, Stats};

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A counter of each call site: its name, what it counts, one more label or none, and the number.
type SiteCounter = (&'static str, &'static str, &'static str, fn(&Counts) -> f64);

/// Those of one name stand together.
const SITES: [SiteCounter; 14] = [
    ("cache_hits_total", "Calls answered from a store.", "store=\"memory\"", |c| {
        c.memory_hits as f64
    }),
    ("cache_hits_total", "", "store=\"redis\"", |c| c.redis_hits as f64),
    ("cache_misses_total", "Calls that found nothing fresh.", "", |c| c.misses as f64),
    ("cache_load_errors_total", "Loads that returned an error.", "", |c| c.load_errors as f64),
    ("cache_coalesced_total", "Calls that waited for the load of another.", "", |c| {
        c.coalesced as f64
    }),
    ("cache_stale_served_total", "Values served past their TTL.", "", |c| c.stale_served as f64),
    ("cache_refreshes_total", "Loads of a value that was served meanwhile.", "", |c| {
        c.refreshes as f64
    }),
    ("cache_stores_total", "Values stored.", "", |c| c.stores as f64),
    (
        "cache_not_stored_total",
        "Values not stored: overtaken by an invalidation or another load, or not storable.",
        "reason=\"overtaken\"",
        |c| c.refused as f64,
    ),
    ("cache_not_stored_total", "", "reason=\"unfit\"", |c| c.not_stored as f64),
    ("cache_decode_failures_total", "Entries found that could not be decoded exactly.", "", |c| {
        c.decode_failures as f64
    }),
    ("cache_bypassed_total", "Calls sent past the cache.", "", |c| c.bypassed as f64),
    ("cache_saved_seconds_total", "Load time that hits have saved.", "", |c| {
        c.time_saved().as_secs_f64()
    }),
    (
        "cache_saved_cost_total",
        "Money that hits have saved, in the unit of the option `cost`.",
        "",
        |c| c.saved_cost,
    ),
];

/// All of it.
pub(crate) fn text(stats: &Stats, health: &Health) -> String {
    let mut out = Text::default();
    for family in SITES.chunk_by(|(one, ..), (next, ..)| one == next) {
        let (name, help, ..) = family[0];
        out.head(name, "counter", help);
        for site in &stats.sites {
            for (_, _, label, count) in family {
                out.line(name, format_args!("{}", Labels(site, label)), count(&site.counts));
            }
        }
    }
    out.head("cache_load_duration_seconds", "histogram", "How long loads took.");
    for site in &stats.sites {
        let labels = Labels(site, "").to_string();
        out.histogram("cache_load_duration_seconds", &labels, &site.load_times);
    }
    out.head("cache_site_enabled", "gauge", "Whether the calls of a site use the cache.");
    for site in &stats.sites {
        let labels = Labels(site, "");
        out.line("cache_site_enabled", format_args!("{labels}"), f64::from(u8::from(site.enabled)));
    }
    let counters = [
        ("cache_invalidations_total", "Invalidations asked for.", stats.invalidations),
        ("cache_redis_errors_total", "Redis operations that failed.", stats.redis_errors),
        ("cache_redis_outages_total", "How often Redis was given up on.", stats.redis_outages),
        ("cache_notices_total", "Invalidations of others that were heard of.", stats.notices),
        (
            "cache_feed_interruptions_total",
            "How often the feed of invalidations was interrupted.",
            stats.feed_interruptions,
        ),
    ];
    for (name, help, value) in counters {
        out.single(name, "counter", help, value as f64);
    }
    let healthy = health.reason.is_none();
    let gauges = [
        ("cache_flights", "Loads in progress that others can join.", stats.flights as f64),
        ("cache_background_loads", "Loads in the background.", stats.background_loads as f64),
        ("cache_memory_entries", "Entries in memory.", stats.entries as f64),
        ("cache_memory_bytes", "Bytes of memory that they take.", stats.bytes as f64),
        ("cache_memory_capacity_bytes", "The bound on those bytes.", stats.capacity as f64),
        (
            "cache_owed_invalidations",
            "Invalidations that Redis has not confirmed.",
            health.owed_invalidations as f64,
        ),
        (
            "cache_healthy",
            "Whether all configured stores are in use.",
            f64::from(u8::from(healthy)),
        ),
    ];
    for (name, help, value) in gauges {
        out.single(name, "gauge", help, value);
    }
    out.head("cache_redis_duration_seconds", "histogram", "How long Redis took to answer.");
    out.histogram("cache_redis_duration_seconds", "", &stats.redis_times);
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: fmt::Arguments<'_>, value: f64) {
        let labels = labels.to_string();
        let _ = match labels.as_str() {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.line(name, format_args!(""), value);
    }

    fn histogram(&mut self, name: &str, labels: &str, times: &Latencies) {
        let and = if labels.is_empty() { "" } else { "," };
        let bucket = format!("{name}_bucket");
        for (bound, count) in times.cumulative() {
            let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            self.line(&bucket, format_args!("{labels}{and}le=\"{bound}\""), count as f64);
        }
        self.line(&format!("{name}_sum"), format_args!("{labels}"), times.sum().as_secs_f64());
        self.line(&format!("{name}_count"), format_args!("{labels}"), times.count() as f64);
    }
}

/// The labels of a call site, and one more if it is not empty.
struct Labels<'a>(&'a SiteStats, &'static str);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Labels(site, label) = self;
        write!(f, "site=\"{}\",prefix=\"{}\"", escaped(&site.name), escaped(&site.prefix))?;
        if label.is_empty() { Ok(()) } else { write!(f, ",{label}") }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
