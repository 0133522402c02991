//! Checks a history.
//!
//! A change of a key states a *floor*: the version that the database held before the invalidation.
//! An older value was loaded before the change, and so:
//!
//! - in the same process, no read that began after the change had returned may see it;
//! - in any process, no read may see it that began later than a bound after Redis held the change,
//!   or after the process had said that it has received all that Redis held by then.
//!
//! A value that was put directly counts from that moment, whatever its version: the program says
//! that it is the newest there is. So only changes that began after the put had returned forbid it.
//!
//! A call of many keys is a read of each of them, all with its start and its end. So is a read of a value that inherits:
//! it is one of each datum in the value.
//!
//! A change that is known by the tag of an owner states floors of the values that have this owner.
//!
//! After a soft invalidation, functions that may serve stale values, and values that inherit, may be older for its time.
//!
//! In addition, every operation has succeeded, and each value belongs to the requested key.

mod floors;
mod received;
mod sight;
mod steady;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use cache_tests::history::{Change, Event, Failure, How, Origin, Read, Span};

use floors::Floors;
use received::Received;
pub use sight::Sight;
use steady::Steady;

/// The record of one process.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub process: u64,
    pub events: Vec<Event>,
    /// The spans for which the process was stopped.
    pub pauses: Vec<Span>,
}

/// The time within which an invalidation that Redis has reaches the other processes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// While the reading process was in touch with Redis all the time.
    pub steady: Duration,
    /// For values that came from Redis.
    pub from_redis: Duration,
    /// Else.
    pub otherwise: Duration,
    /// The additional time for data in a value that inherits, whose body waits for other loads.
    pub inheriting: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Violation {
    /// A read saw what its own process had invalidated.
    Own {
        process: u64,
        read: Read,
        change: Change,
    },
    /// A read saw a value that another process had invalidated longer ago than the bound.
    Others {
        process: u64,
        read: Read,
        change: Change,
        late: Duration,
    },
    /// A read saw another key's value.
    Foreign {
        process: u64,
        read: Read,
    },
    Failed {
        process: u64,
        failure: Failure,
    },
    /// Something else that the run has found.
    Unsettled(String),
}

/// The result of the check of a history.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    /// Reads that saw a value.
    pub checked: u64,
    /// Those of each kind of call of many keys.
    pub checked_of_many: BTreeMap<How, u64>,
    /// Those of some more kinds.
    pub sights: BTreeMap<Sight, u64>,
    /// Those that saw a value that their process had invalidated softly.
    pub softened: u64,
    /// Those of processes that were in touch with Redis.
    pub steady: u64,
    /// The longest time after a change in Redis after which an older value was still seen, in a process
    /// that was connected to Redis, and in one that was not. The time for which the process was stopped
    /// does not count.
    pub latest_steady: Duration,
    pub latest: Duration,
}

pub fn check(records: &[Record], bounds: Bounds) -> Verdict {
    let checker = Checker {
        bounds,
        puts: changes(records).map(|(_, change)| (change.id, change.span)).collect(),
        confirmed: Limits::new(|| {
            changes(records).filter_map(|(_, change)| Some((change.confirmed?, change)))
        }),
    };
    let mut verdict = Verdict::default();
    for record in records {
        checker.check(record, &mut verdict);
    }
    verdict
}

fn changes(records: &[Record]) -> impl Iterator<Item = (u64, &Change)> {
    records.iter().flat_map(|record| own_changes(record).map(|change| (record.process, change)))
}

fn own_changes(record: &Record) -> impl Iterator<Item = &Change> {
    record.events.iter().filter_map(|event| match event {
        Event::Change(change) => Some(change),
        _ => None,
    })
}

/// The connection of a process to Redis, and the notices that it has received.
struct Touch {
    steady: Steady,
    received: Received,
}

struct Checker<'a> {
    bounds: Bounds,
    /// The span of each change.
    puts: HashMap<u64, Span>,
    /// From when on everybody ought to know.
    confirmed: Limits<'a>,
}

/// The floors of reads that see no stale values, and of those that may.
struct Limits<'a> {
    fresh: Floors<'a>,
    stale: Floors<'a>,
}

impl<'a> Limits<'a> {
    fn new<I: Iterator<Item = (u64, &'a Change)>>(changes: impl Fn() -> I) -> Self {
        let softly = |(at, change): (u64, &'a Change)| (at + change.soft, change);
        Limits { fresh: Floors::new(changes()), stale: Floors::new(changes().map(softly)) }
    }

    fn of(&self, read: &Read) -> &Floors<'a> {
        match read.may_be_stale() {
            true => &self.stale,
            false => &self.fresh,
        }
    }
}

impl Checker<'_> {
    fn check(&self, record: &Record, verdict: &mut Verdict) {
        let own = Limits::new(|| own_changes(record).map(|change| (change.span.end, change)));
        let touch = Touch { steady: Steady::new(record), received: Received::new(record) };
        for event in &record.events {
            match event {
                Event::Read(read) => self.check_read(record, &own, &touch, *read, verdict),
                Event::Failure(failure) => {
                    let (process, failure) = (record.process, failure.clone());
                    verdict.violations.push(Violation::Failed { process, failure });
                }
                Event::Change(_) | Event::Watch(_) => {}
            }
        }
    }

    fn check_read(
        &self,
        record: &Record,
        own: &Limits<'_>,
        touch: &Touch,
        read: Read,
        verdict: &mut Verdict,
    ) {
        let Some(seen) = read.seen else { return };
        let process = record.process;
        verdict.checked += 1;
        if How::READS_OF_MANY.contains(&read.how) {
            *verdict.checked_of_many.entry(read.how).or_default() += 1;
        }
        for sight in Sight::ALL.into_iter().filter(|sight| sight.is_of(&read)) {
            *verdict.sights.entry(sight).or_default() += 1;
        }
        if seen.key != read.key {
            verdict.violations.push(Violation::Foreign { process, read });
            return;
        }
        // A put whose record is lost, or that never returned, may happen at any time.
        let put = match seen.set_by {
            0 => None,
            id => match self.puts.get(&id) {
                Some(span) => Some(*span),
                None => return,
            },
        };
        if let Some((at, change)) = own.of(&read).first_above(&seen, put)
            && at < read.span.begin
        {
            let change = change.clone();
            verdict.violations.push(Violation::Own { process, read, change });
            return;
        }
        // No hard change of the process forbids it.
        let softened = own.fresh.first_above(&seen, put).filter(|(at, _)| *at < read.span.begin);
        verdict.softened += u64::from(softened.is_some());
        let is_steady = touch.steady.covers(read.span);
        verdict.steady += u64::from(is_steady);
        let Some((at, change)) = self.confirmed.of(&read).first_above(&seen, put) else { return };
        let late = Duration::from_micros((read.span.begin - read.lag).saturating_sub(at));
        let has_received = at < touch.received.until(read.span.begin);
        if has_received || late > self.bound(record, is_steady, &read, at) {
            let change = change.clone();
            verdict.violations.push(Violation::Others { process, read, change, late });
        }
        let late = late.saturating_sub(paused(record, at, read.span.begin));
        let latest = if is_steady { &mut verdict.latest_steady } else { &mut verdict.latest };
        *latest = late.max(*latest);
    }

    /// Returns the time within which a read must see an invalidation of this moment.
    fn bound(&self, record: &Record, steady: bool, read: &Read, invalidated: u64) -> Duration {
        match (steady, read.origin) {
            (true, _) => self.bounds.steady,
            (_, Origin::Redis) => self.bounds.from_redis,
            // The value that this very call has loaded.
            (_, Origin::Load) => Duration::ZERO,
            // A load may have been stopped half-way: its value is as old as it is, and new in memory.
            _ => {
                let stopped = paused(record, invalidated, read.span.begin);
                let is_inherited = How::READS_OF_OUTER.contains(&read.how);
                let inheriting = if is_inherited { self.bounds.inheriting } else { Duration::ZERO };
                self.bounds.otherwise + inheriting + stopped
            }
        }
    }
}

/// For how long the process was stopped between these moments: its clock went on.
fn paused(record: &Record, from: u64, to: u64) -> Duration {
    let within = |pause: &Span| pause.end.min(to).saturating_sub(pause.begin.max(from));
    Duration::from_micros(record.pauses.iter().map(within).sum())
}
