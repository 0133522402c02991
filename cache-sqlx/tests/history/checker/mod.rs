//! Checks a history.
//!
//! - A read that began after a `commit()` had returned `Ok` in the same process sees no older version of its rows.
//! - Neither does one of another process, as soon as Redis was known to hold the invalidations and the reading process had
//!   received them, or after a bound.
//! - No read outside of a transaction sees what the transaction has rolled back.
//! - A read in a transaction sees the rows that the transaction has written.
//! - At the end, every function returns the rows of the database.
//!
//! A value that is known by the tag of its owner is forbidden by the change that has replaced this owner, and not by later ones.
//! Nothing is claimed of a commit whose outcome is unknown, until the end.

mod floors;
mod received;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use cache_tests::history::Origin;

use crate::event::{Ended, Event, Fact, How, Outcome, Read};
use crate::item::Item;
use floors::Floors;
use received::Received;

/// The record of one process.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub process: u64,
    pub events: Vec<Event>,
}

/// The time within which an invalidation that Redis has reaches the other processes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For values that came from Redis.
    pub from_redis: Duration,
    /// For those from memory, and for those of unknown origin.
    pub otherwise: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Violation {
    /// A read in a transaction did not see the transaction's own row.
    NotOwn { process: u64, read: Read },
    /// A read saw what was rolled back.
    Uncommitted { process: u64, read: Read },
    /// A read saw a row from before a commit of its own process.
    Old { process: u64, read: Read, commit: Ended },
    /// A read saw a row from before the commit of another process, too late after Redis held the invalidation.
    Late { process: u64, read: Read, commit: Ended, late: Duration },
    /// An operation failed.
    Failed { process: u64, what: String },
    /// At the end, a function returned this in the place of that.
    Stale { process: u64, how: How, seen: Item, is: Item },
    /// A process does not come to rest.
    Unsettled(String),
}

impl Violation {
    /// Returns the read that it is about, if there is one.
    pub fn read(&self) -> Option<&Read> {
        match self {
            Violation::NotOwn { read, .. }
            | Violation::Uncommitted { read, .. }
            | Violation::Old { read, .. }
            | Violation::Late { read, .. } => Some(read),
            Violation::Failed { .. } | Violation::Stale { .. } | Violation::Unsettled(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    pub reads: BTreeMap<How, BTreeMap<&'static str, u64>>,
    /// The reads of rows that the transaction around them had written.
    pub own_reads: u64,
    pub outcomes: BTreeMap<Outcome, u64>,
    pub facts: BTreeMap<Fact, u64>,
}

/// Checks everything but the end.
pub fn check(records: &[Record], bounds: Bounds) -> Verdict {
    let all = || records.iter().flat_map(ends);
    let rolled_back = all().filter(|ended| ended.outcome == Outcome::RolledBack);
    let checker = Checker {
        bounds,
        rolled_back: rolled_back.map(|ended| ended.writer).collect(),
        confirmed: Floors::new(all().filter_map(|ended| Some((ended.confirmed?, ended)))),
    };
    let mut verdict = Verdict::default();
    for record in records {
        checker.check(record, &mut verdict);
    }
    verdict
}

fn ends(record: &Record) -> impl Iterator<Item = &Ended> {
    record.events.iter().filter_map(|event| match event {
        Event::Ended(ended) => Some(ended),
        _ => None,
    })
}

struct Checker<'a> {
    bounds: Bounds,
    /// The writers that have committed nothing.
    rolled_back: HashSet<i64>,
    /// From when on everybody ought to know.
    confirmed: Floors<'a>,
}

impl Checker<'_> {
    fn check(&self, record: &Record, verdict: &mut Verdict) {
        let process = record.process;
        let own = Floors::new(ends(record).map(|ended| (ended.span.end, ended)));
        let received = Received::new(record);
        for event in &record.events {
            match event {
                Event::Read(read) => {
                    verdict.count(read);
                    let violation = self.violation(process, read, &own, &received);
                    verdict.violations.extend(violation);
                }
                Event::Ended(ended) => *verdict.outcomes.entry(ended.outcome).or_default() += 1,
                Event::Count(fact, count) => *verdict.facts.entry(*fact).or_default() += count,
                Event::Failure(what) => {
                    verdict.violations.push(Violation::Failed { process, what: what.clone() });
                }
                Event::Received { .. } => {}
            }
        }
    }

    fn violation(
        &self,
        process: u64,
        read: &Read,
        own: &Floors<'_>,
        received: &Received,
    ) -> Option<Violation> {
        let (read, seen) = (*read, read.seen);
        if let Some(row) = read.own {
            return (row != seen).then_some(Violation::NotOwn { process, read });
        }
        if seen.is_doomed() || self.rolled_back.contains(&seen.writer) {
            return Some(Violation::Uncommitted { process, read });
        }
        if let Some((at, commit)) = own.first_above(&read)
            && at < read.from
        {
            return Some(Violation::Old { process, read, commit: commit.clone() });
        }
        let (at, commit) = self.confirmed.first_above(&read)?;
        let late = Duration::from_micros(read.from.saturating_sub(read.lag).saturating_sub(at));
        let has_received = at < received.until(read.from);
        let is_late = has_received || late > self.bound(&read);
        is_late.then(|| Violation::Late { process, read, commit: commit.clone(), late })
    }

    fn bound(&self, read: &Read) -> Duration {
        match read.origin {
            // The value that this very call has loaded. The parts of a page may be older.
            Origin::Load if !read.how.is_of_page() => Duration::ZERO,
            Origin::Redis => self.bounds.from_redis,
            _ => self.bounds.otherwise,
        }
    }
}

impl Verdict {
    fn count(&mut self, read: &Read) {
        let origin = match read.origin {
            Origin::Memory => "memory",
            Origin::Redis => "redis",
            Origin::Load => "load",
            Origin::Shared => "shared",
            Origin::Unknown => "unknown",
        };
        *self.reads.entry(read.how).or_default().entry(origin).or_default() += 1;
        self.own_reads += u64::from(read.own.is_some());
    }

    /// Returns the number of reads with this origin.
    pub fn from(&self, origin: &str) -> u64 {
        self.reads.values().filter_map(|origins| origins.get(origin)).sum()
    }
}
