//! The outbox: a relay applies the rows that it finds, in whichever process it runs.

use crate::state::Version;

use super::cache::Targets;
use super::rules::{Case, Safeguard};
use super::setting::{Member, Setting};

/// The next step of a relay, with the part whose row it is, and what that invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayAt {
    Waits,
    Removes(u8, Targets),
    Raises(u8, Targets, Version),
    /// Redis has not confirmed it: the row stays.
    RaisesAlone(Targets, Version),
    Deletes(u8),
}

impl Setting {
    /// A relay reads a row.
    pub fn take_row(&mut self, case: &Case, i: usize, row: usize) {
        let targets = self.database.outbox[row];
        if case.is_off(Safeguard::RowsAreDeletedLast) {
            self.database.outbox[row] = Targets::NONE;
        }
        self.members[i] = Member::Relay(RelayAt::Removes(row as u8, targets));
    }

    pub fn relay(&mut self, case: &Case, i: usize, at: RelayAt) {
        let host = case.host(i);
        let next = match at {
            RelayAt::Waits => RelayAt::Waits,
            RelayAt::Removes(row, targets) => {
                RelayAt::Raises(row, targets, self.remove(host, targets))
            }
            RelayAt::Raises(row, targets, version) => {
                self.end_invalidation(case, host, targets, version);
                RelayAt::Deletes(row)
            }
            RelayAt::RaisesAlone(targets, version) => {
                self.end_invalidation(case, host, targets, version);
                RelayAt::Waits
            }
            RelayAt::Deletes(row) => {
                self.database.outbox[usize::from(row)] = Targets::NONE;
                RelayAt::Waits
            }
        };
        self.members[i] = Member::Relay(next);
    }
}
