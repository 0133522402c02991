//! The whole state, and what must hold in it.

use crate::state::Version;

use super::cache::{Cache, ProcessCache, Targets};
use super::database::Database;
use super::load::Call;
use super::outbox::RelayAt;
use super::rules::{Case, Faults, Host, PARTS, Part};
use super::transaction::{Transaction, TransactionAt};
use super::writer::WriterAt;

/// The whole state. Two that are equal go on in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    pub database: Database,
    pub cache: Cache,
    pub members: [Member; PARTS],
    pub left: Faults,
}

/// The state of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    Reader(Call),
    Writer(WriterAt),
    Transaction(Transaction),
    Relay(RelayAt),
    Absent,
}

impl Member {
    fn new(part: Part) -> Member {
        match part {
            Part::Reader(_, entry) => Member::Reader(Call::new(entry)),
            Part::Writer(_) => Member::Writer(WriterAt::Writes),
            Part::Transaction(_, plan) => Member::Transaction(Transaction::new(plan)),
            Part::Relay(_) => Member::Relay(RelayAt::Waits),
        }
    }

    pub fn call_mut(&mut self) -> Option<&mut Call> {
        match self {
            Member::Reader(call) => Some(call),
            Member::Transaction(transaction) => Some(&mut transaction.call),
            _ => None,
        }
    }

    /// Returns whether nothing remains to be invalidated.
    fn is_quiet(&self) -> bool {
        match self {
            Member::Reader(_) | Member::Absent => true,
            Member::Writer(at) => matches!(at, WriterAt::Writes | WriterAt::Done),
            Member::Transaction(Transaction { at, .. }) => matches!(
                at,
                TransactionAt::Starts
                    | TransactionAt::Open
                    | TransactionAt::RowIsWritten
                    | TransactionAt::Done
            ),
            Member::Relay(at) => *at == RelayAt::Waits,
        }
    }
}

impl Setting {
    pub fn new(case: &Case) -> Setting {
        let mut members = [Member::Absent; PARTS];
        for i in case.parts() {
            members[i] = Member::new(case.part(i));
        }
        Setting {
            database: Database::NEW,
            cache: Cache::new(case.scenario.entries, case.scenario.warm),
            members,
            left: case.scenario.faults,
        }
    }

    /// Redis executes a removal. Returns the version that is committed by then: nothing older is valid from here on.
    pub fn remove(&mut self, host: Host, targets: Targets) -> Version {
        let version = self.database.committed;
        self.cache.remove(host, targets, version);
        self.forget_notes(targets);
        version
    }

    /// Redis does not confirm a removal.
    pub fn queue(&mut self, host: Host, targets: Targets) -> Version {
        let journal = &mut self.cache.processes[host].journal;
        *journal = journal.and(targets);
        self.left.silences -= 1;
        self.database.committed
    }

    /// The local half of an invalidation, after which its process must know of it.
    pub fn end_invalidation(&mut self, case: &Case, host: Host, targets: Targets, to: Version) {
        self.raise(case, host, targets);
        self.cache.processes[host].require(targets, to);
    }

    pub fn send_pending(&mut self, host: Host) {
        let pending = std::mem::replace(&mut self.cache.processes[host].journal, Targets::NONE);
        self.remove(host, pending);
    }

    /// The notices of one process arrive: the bound of what they say has passed here.
    pub fn receive(&mut self, case: &Case, host: Host) {
        let targets = std::mem::replace(&mut self.cache.processes[host].inbox, Targets::NONE);
        for one in targets.each() {
            let version = self.cache.removed[one.index()];
            self.end_invalidation(case, host, one, version);
        }
    }

    /// A process dies, and another one takes its place. What it had in memory is lost.
    pub fn die(&mut self, case: &Case, host: Host) {
        self.left.deaths -= 1;
        for i in case.parts().filter(|i| case.host(*i) == host) {
            match &mut self.members[i] {
                Member::Reader(call) => *call = Call::DONE,
                Member::Transaction(transaction) => {
                    transaction.die();
                    let undecided = self.database.is_undecided(i);
                    if !undecided {
                        self.database.unlock(i);
                    }
                }
                Member::Relay(at) => *at = RelayAt::Waits,
                Member::Writer(at) => *at = WriterAt::Done,
                Member::Absent => {}
            }
        }
        let required = self.cache.removed;
        let process = &mut self.cache.processes[host];
        process.memory = [None; 2];
        process.inbox = Targets::NONE;
        process.journal = Targets::NONE;
        process.required = required;
    }

    /// Checks each store, and a call of each process that is begun and ended here and now.
    pub fn check(&self, case: &Case) -> Result<(), String> {
        let quiet = self.is_quiet();
        for one in case.scenario.entries.each() {
            let place = one.index();
            if let Some(version) = self.cache.redis[place] {
                let readers = self.cache.processes.iter().filter(|p| !p.journal.overlaps(one));
                let required = readers.map(|process| process.required[place]).max().unwrap_or(0);
                self.judge(required.max(self.cache.removed[place]), version, "Redis has")?;
                self.judge_end(quiet, version, "Redis has")?;
            }
            for process in &self.cache.processes {
                if let Some(version) = process.memory[place] {
                    self.judge(process.required[place], version, "memory has")?;
                    self.judge_end(quiet, version, "memory has")?;
                }
            }
        }
        Ok(())
    }

    fn judge_end(&self, quiet: bool, version: Version, what: &str) -> Result<(), String> {
        match quiet && version != self.database.committed {
            true => Err(format!("in the end {what} version {version}")),
            false => Ok(()),
        }
    }

    /// Returns whether all writers have ended, and all invalidations have arrived.
    fn is_quiet(&self) -> bool {
        let arrived = |process: &ProcessCache| {
            process.inbox == Targets::NONE && process.journal == Targets::NONE
        };
        self.members.iter().all(Member::is_quiet)
            && self.database.undecided.is_none()
            && self.database.outbox.iter().all(|row| *row == Targets::NONE)
            && self.cache.processes.iter().all(arrived)
    }
}
