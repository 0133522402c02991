//! The cache: one Redis, and two processes with a memory each.

use std::fmt;

use crate::state::Version;

use super::rules::Host;

/// Some of the two entries. The first is invalidated by its name, the second by a tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Targets(u8);

impl Targets {
    pub const NONE: Targets = Targets(0);
    pub const NAME: Targets = Targets(1);
    pub const TAG: Targets = Targets(2);
    pub const BOTH: Targets = Targets(3);

    pub fn and(self, more: Targets) -> Targets {
        Targets(self.0 | more.0)
    }

    pub fn of(self, others: Targets) -> Targets {
        Targets(self.0 & others.0)
    }

    pub fn overlaps(self, others: Targets) -> bool {
        self.of(others) != Targets::NONE
    }

    pub fn each(self) -> impl Iterator<Item = Targets> {
        [Targets::NAME, Targets::TAG].into_iter().filter(move |one| self.overlaps(*one))
    }

    /// Returns the place of one entry.
    pub fn index(self) -> usize {
        usize::from(self == Targets::TAG)
    }
}

impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Targets::NONE => "nothing",
            Targets::NAME => "the name",
            Targets::TAG => "the tag",
            _ => "both",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cache {
    pub redis: [Option<Version>; 2],
    /// The version of each entry whose removal Redis has executed.
    pub removed: [Version; 2],
    pub processes: [ProcessCache; 2],
}

/// The part of the cache in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessCache {
    pub memory: [Option<Version>; 2],
    /// The notices that are on their way.
    pub inbox: Targets,
    /// Removals that Redis has not confirmed.
    pub journal: Targets,
    /// The oldest version that a call that begins now may be given.
    pub required: [Version; 2],
}

impl Cache {
    pub fn new(entries: Targets, warm: bool) -> Cache {
        let stored =
            [Targets::NAME, Targets::TAG].map(|one| (warm && entries.overlaps(one)).then_some(0));
        let process = ProcessCache {
            memory: stored,
            inbox: Targets::NONE,
            journal: Targets::NONE,
            required: [0; 2],
        };
        Cache { redis: stored, removed: [0; 2], processes: [process; 2] }
    }

    /// Redis removes entries, and publishes that. The version is what was committed.
    pub fn remove(&mut self, host: Host, targets: Targets, version: Version) {
        for one in targets.each() {
            self.redis[one.index()] = None;
            let removed = &mut self.removed[one.index()];
            *removed = version.max(*removed);
        }
        let inbox = &mut self.processes[1 - host].inbox;
        *inbox = inbox.and(targets);
    }

    /// Returns what a look finds. A value of Redis is kept in memory.
    pub fn look(&mut self, host: Host, entry: Targets) -> Option<Version> {
        let process = &mut self.processes[host];
        let place = entry.index();
        if process.memory[place].is_none() && !process.journal.overlaps(entry) {
            process.memory[place] = self.redis[place];
        }
        process.memory[place]
    }
}

impl ProcessCache {
    pub fn drop_copies(&mut self, targets: Targets) {
        for one in targets.each() {
            self.memory[one.index()] = None;
        }
    }

    /// From here on, calls must see what was committed.
    pub fn require(&mut self, targets: Targets, version: Version) {
        for one in targets.each() {
            let required = &mut self.required[one.index()];
            *required = version.max(*required);
        }
    }
}
