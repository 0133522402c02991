//! The database: the committed row, the lock of the one that writes it, and the outbox.

use crate::state::Version;

use super::cache::Targets;
use super::rules::PARTS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Database {
    pub committed: Version,
    /// The versions that were committed at some time, a bit for each.
    real: u16,
    /// The version that was written last.
    last: Version,
    /// The part that has written the row and has not ended its transaction.
    lock: Option<u8>,
    /// The version that each part has committed.
    pub by: [Version; PARTS],
    /// The part whose commit has arrived, or not: the client has no answer, and the server has not decided.
    pub undecided: Option<(u8, Version, Targets)>,
    /// The row of each part in the outbox: what it invalidates.
    pub outbox: [Targets; PARTS],
}

impl Database {
    pub const NEW: Database = Database {
        committed: 0,
        real: 1,
        last: 0,
        lock: None,
        by: [0; PARTS],
        undecided: None,
        outbox: [Targets::NONE; PARTS],
    };

    /// Returns whether a part may write, or has to wait for another one.
    pub fn may_write(&self, i: usize) -> bool {
        self.lock.is_none_or(|holder| usize::from(holder) == i)
    }

    /// Writes the row, and returns its version. It is not committed.
    pub fn write(&mut self, i: usize) -> Version {
        self.lock = Some(i as u8);
        self.last += 1;
        self.last
    }

    pub fn commit(&mut self, i: usize, version: Option<Version>) {
        if let Some(version) = version {
            self.committed = version;
            self.by[i] = version;
            self.real |= 1 << version;
        }
        self.unlock(i);
    }

    pub fn unlock(&mut self, i: usize) {
        if self.lock == Some(i as u8) {
            self.lock = None;
        }
    }

    pub fn is_undecided(&self, i: usize) -> bool {
        self.undecided.is_some_and(|(part, ..)| usize::from(part) == i)
    }

    /// The server finds out what has become of a commit without an answer.
    pub fn decide(&mut self, commits: bool) {
        let Some((part, version, row)) = self.undecided.take() else { return };
        let i = usize::from(part);
        if commits {
            self.commit(i, Some(version));
            self.outbox[i] = self.outbox[i].and(row);
        }
        self.unlock(i);
    }

    pub fn was_committed(&self, version: Version) -> bool {
        self.real & (1 << version) != 0
    }
}
