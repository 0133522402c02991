//! The totals of all processes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{Counts, SiteStats, Stats, table};
use crate::support::timestamp;

/// The statistics of all processes that share a namespace in one Redis, including processes that have
/// ended: see [`CacheManager::fleet_stats`](crate::CacheManager::fleet_stats).
///
/// Its `Display` is a table for people; `Serialize` gives every number.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FleetStats {
    /// The time at which counting began, by the clock of Redis; `None` if nothing has been counted, or
    /// without Redis. Serialises as in RFC 3339, in UTC, with milliseconds.
    #[serde(serialize_with = "timestamp::serialize_option")]
    pub since: Option<SystemTime>,
    /// The time of the last report of a process, by the clock of Redis; `None` as above. Processes
    /// without new counts report once a minute. Serialises as `since`.
    #[serde(serialize_with = "timestamp::serialize_option")]
    pub reported: Option<SystemTime>,
    /// The number of managers that have reported in the last two minutes, usually one per process.
    pub instances: u64,
    /// The sum over all call sites.
    pub total: Counts,
    /// Each call site that has been called, ordered by name.
    pub sites: Vec<FleetSite>,
    /// Requested invalidations: names, prefixes, tags, patterns.
    pub invalidations: u64,
    /// Redis operations that failed or exceeded their deadline.
    pub redis_errors: u64,
    /// The number of outages of Redis.
    pub redis_outages: u64,
    /// Received invalidations of other processes.
    pub notices: u64,
}

/// The statistics of all processes for one call site.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FleetSite {
    /// `module::function`, with the type parameters of a generic instance; `direct` for the
    /// methods of the manager.
    pub name: String,
    /// The prefix of its entries' names.
    pub prefix: String,
    /// The numbers.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The field of a sum in Redis, and the count of this process for it since its start.
pub(crate) type Total = (String, u64);

/// The sums as they are in Redis.
#[derive(Debug, Default)]
pub(crate) struct FleetSums {
    pub(crate) since_secs: Option<u64>,
    /// The time of the last report.
    pub(crate) reported_ms: Option<u64>,
    pub(crate) instances: u64,
    pub(crate) sums: Vec<Total>,
}

/// The factor by which a cost is multiplied, because sums are whole numbers.
const COST_PARTS: f64 = 1e9;
const COST: &str = "saved_cost_nanos";
/// The separator between the parts of a field: the number, the call site, its prefix.
const BAR: char = '|';

/// Returns the numbers that one call site adds to the sums.
pub(crate) fn totals_of<'a>(
    name: &'a str,
    prefix: &'a str,
    counts: &Counts,
) -> impl Iterator<Item = Total> + use<'a> {
    let cost = (counts.saved_cost * COST_PARTS) as u64;
    let numbers = counts.fields().into_iter().chain([(COST, cost)]);
    numbers
        .filter(|(_, total)| *total > 0)
        .map(move |(number, total)| (format!("{number}{BAR}{name}{BAR}{prefix}"), total))
}

/// The numbers that a process has counted since its start and that belong to no call site.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beyond {
    pub(crate) invalidations: u64,
    pub(crate) redis_errors: u64,
    pub(crate) redis_outages: u64,
    pub(crate) notices: u64,
}

impl Beyond {
    pub(crate) fn totals(&self) -> impl Iterator<Item = Total> {
        let numbers = [
            ("invalidations", self.invalidations),
            ("redis_errors", self.redis_errors),
            ("redis_outages", self.redis_outages),
            ("notices", self.notices),
        ];
        numbers.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n))
    }
}

impl FleetStats {
    /// Returns the statistics of a process that shares its cache with no other process.
    pub(crate) fn of_one(stats: Stats) -> Self {
        let site = |SiteStats { name, prefix, counts, .. }| FleetSite { name, prefix, counts };
        FleetStats {
            since: None,
            reported: None,
            instances: 1,
            total: stats.total,
            sites: stats.sites.into_iter().map(site).collect(),
            invalidations: stats.invalidations,
            redis_errors: stats.redis_errors,
            redis_outages: stats.redis_outages,
            notices: stats.notices,
        }
    }

    /// Returns the statistics of all processes. Unknown fields, which a later version may have added, are
    /// skipped.
    pub(crate) fn of_all(fleet_sums: FleetSums) -> Self {
        let mut all = FleetStats {
            since: fleet_sums.since_secs.and_then(|secs| time_of(Duration::from_secs(secs))),
            reported: fleet_sums.reported_ms.and_then(|ms| time_of(Duration::from_millis(ms))),
            instances: fleet_sums.instances,
            ..FleetStats::default()
        };
        let mut sites = BTreeMap::<(String, String), Counts>::new();
        for (field, sum) in fleet_sums.sums {
            let mut parts = field.splitn(3, BAR);
            let (Some(number), site, prefix) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let (Some(site), Some(prefix)) = (site, prefix) else {
                if let Some(place) = all.number(number) {
                    *place = sum;
                }
                continue;
            };
            let counts = sites.entry((site.to_owned(), prefix.to_owned())).or_default();
            if number == COST {
                counts.saved_cost = sum as f64 / COST_PARTS;
            } else if let Some(place) = counts.field(number) {
                *place = sum;
            }
        }
        all.total = sites.values().fold(Counts::default(), |sum, counts| sum.plus(*counts));
        let site = |((name, prefix), counts)| FleetSite { name, prefix, counts };
        all.sites = sites.into_iter().map(site).collect();
        all
    }

    fn number(&mut self, name: &str) -> Option<&mut u64> {
        match name {
            "invalidations" => Some(&mut self.invalidations),
            "redis_errors" => Some(&mut self.redis_errors),
            "redis_outages" => Some(&mut self.redis_outages),
            "notices" => Some(&mut self.notices),
            _ => None,
        }
    }
}

fn time_of(since_1970: Duration) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(since_1970)
}

impl fmt::Display for FleetStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(f, &self.total, self.sites.iter().map(|site| (site.name.as_str(), &site.counts)))?;
        write!(
            f,
            "{} processes now; {} invalidations, {} received by others; {} Redis errors, {} outages",
            self.instances, self.invalidations, self.notices, self.redis_errors, self.redis_outages
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_reads_back() {
        let counts = Counts {
            memory_hits: 1,
            redis_hits: 2,
            misses: 3,
            saved_micros: 4,
            saved_cost: 0.25,
            ..Counts::default()
        };
        let beyond = Beyond { invalidations: 5, notices: 6, ..Beyond::default() };
        let names = [("a::f", "video:meta"), ("direct", "")];
        let sites = names.iter().flat_map(|(name, prefix)| totals_of(name, prefix, &counts));
        let sums: Vec<_> = beyond.totals().chain(sites).collect();
        assert_eq!(sums.len(), 2 + 2 * 5, "what is zero takes no place: {sums:?}");

        let all = FleetStats::of_all(FleetSums {
            since_secs: Some(1),
            reported_ms: Some(1_500),
            instances: 2,
            sums,
        });
        let site = |(name, prefix): (&str, &str)| FleetSite {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            counts,
        };
        assert_eq!(all.sites, names.map(site));
        assert_eq!(all.total, counts.plus(counts));
        assert_eq!((all.invalidations, all.notices, all.instances), (5, 6, 2));
        assert_eq!(all.since, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!(all.reported, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)));
    }

    #[test]
    fn a_name_does_not_steer_the_terminal() {
        let sums = vec![("loads|a\u{1b}[2J\nb|".to_owned(), 1)];
        let text = FleetStats::of_all(FleetSums { sums, ..FleetSums::default() }).to_string();
        assert!(text.contains("a\\u{1b}[2J\\nb "), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn any_numbers_add_up_to_some_number() {
        let fields =
            ["memory_hits|a|", "memory_hits|b|", "redis_hits|a|", "saved_cost_nanos|a|", "notices"];
        let sums = fields.map(|field| (field.to_owned(), u64::MAX));
        let all = FleetStats::of_all(FleetSums {
            since_secs: Some(u64::MAX),
            reported_ms: Some(u64::MAX),
            instances: u64::MAX,
            sums: sums.into(),
        });
        assert_eq!(all.since, None, "no such time");
        assert_eq!((all.total.memory_hits, all.total.hits()), (u64::MAX, u64::MAX));
        assert!(all.total.hit_rate() <= 1.0 && !all.to_string().is_empty());
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let sums = vec![("later".to_owned(), 1), ("later|a|b".to_owned(), 1), (String::new(), 1)];
        let all = FleetStats::of_all(FleetSums { sums, ..FleetSums::default() });
        assert_eq!(all.total, Counts::default());
    }
}
