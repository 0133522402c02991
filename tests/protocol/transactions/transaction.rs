//! A transaction: writes and registrations, savepoints, calls in its scope, and its end.

use crate::state::Version;

use super::cache::Targets;
use super::load::{Call, CallAt};
use super::rules::{Case, Isolation, Plan, Registration, Safeguard};
use super::setting::{Member, Setting};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    pub at: TransactionAt,
    pub writes: u8,
    pub calls: u8,
    pub savepoints: u8,
    /// The steps of the running write that are done.
    pub write_steps: u8,
    pub in_savepoint: bool,
    /// A write has failed, so nothing is registered for it.
    pub has_failed: bool,
    /// The writes of the transaction, and those in the savepoint.
    pub own: [Option<Version>; 2],
    /// The same of what is to be invalidated.
    pub pending: [Targets; 2],
    pub snapshot: Option<Version>,
    /// The call in its scope, or around it.
    pub call: Call,
}

/// The next step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionAt {
    Starts,
    Open,
    /// Its row is in the outbox, though it has not committed.
    RowIsWritten,
    /// It has invalidated, though it has not committed.
    CommitsLate,
    /// It has committed without its row in the outbox.
    WritesRow,
    Removes(Outcome),
    /// The last is the version that was committed when Redis removed the entries, or did not.
    Raises(Outcome, Confirmed, Version),
    DeletesRow,
    WaitsForTheOutcome,
    Done,
}

/// The reason for an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Committed,
    Unknown,
    /// The outcome was unknown, and the invalidation is repeated.
    Repeated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmed {
    Yes,
    No,
}

/// The result of a commit, as the client sees it, and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Received,
    /// The transaction is committed, and the client does not know that.
    Lost,
    /// The server has not decided yet.
    Undecided,
}

/// A step of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStep {
    Registers(Targets),
    Writes,
}

impl Transaction {
    pub fn new(plan: Plan) -> Transaction {
        Transaction {
            at: TransactionAt::Starts,
            writes: plan.writes,
            calls: plan.calls,
            savepoints: plan.savepoints,
            write_steps: 0,
            in_savepoint: false,
            has_failed: false,
            own: [None; 2],
            pending: [Targets::NONE; 2],
            snapshot: None,
            call: Call::DONE,
        }
    }

    pub fn die(&mut self) {
        self.call = Call::DONE;
        if self.at != TransactionAt::Starts {
            self.end(TransactionAt::Done);
        }
    }

    /// The next step does not depend on what is open.
    pub fn end(&mut self, at: TransactionAt) {
        self.at = at;
        self.writes = 0;
        self.savepoints = 0;
        self.calls = 0;
        self.write_steps = 0;
        self.has_failed = false;
        self.own = [None; 2];
        self.snapshot = None;
        if at == TransactionAt::Done {
            self.pending = [Targets::NONE; 2];
        }
    }

    pub fn own(&self) -> Option<Version> {
        self.own[1].or(self.own[0])
    }

    pub fn all_pending(&self) -> Targets {
        self.pending[0].and(self.pending[1])
    }

    fn is_refused(&self, isolation: Isolation, committed: Version) -> bool {
        isolation == Isolation::Snapshot
            && self.own().is_none()
            && self.snapshot.is_some_and(|seen| seen != committed)
    }

    /// The function that has written fails, and what it has registered is withdrawn.
    pub fn fail_write(&mut self) {
        self.pending = [Targets::NONE; 2];
        self.has_failed = true;
        self.call.own = None;
    }

    fn depth(&self) -> usize {
        usize::from(self.in_savepoint)
    }

    pub fn open_savepoint(&mut self) {
        self.in_savepoint = true;
        self.savepoints -= 1;
    }

    pub fn release(&mut self, case: &Case) {
        self.in_savepoint = false;
        self.own = [self.own(), None];
        if !case.is_off(Safeguard::ReleasesKeepPending) {
            self.pending[0] = self.all_pending();
        }
        self.pending[1] = Targets::NONE;
    }

    pub fn roll_back_to_savepoint(&mut self, case: &Case) {
        self.in_savepoint = false;
        self.own[1] = None;
        if case.is_off(Safeguard::RollbacksDiscardOwn) {
            self.pending[0] = self.all_pending();
        }
        if case.is_off(Safeguard::RollbacksKeepOuter) {
            self.pending[0] = Targets::NONE;
        }
        self.pending[1] = Targets::NONE;
    }

    /// Something is to be invalidated: what a running load has read may be uncommitted.
    pub fn register(&mut self, case: &Case, targets: Targets) {
        let depth = self.depth();
        self.pending[depth] = self.pending[depth].and(targets);
        let is_watched = match self.call.at {
            CallAt::Done => false,
            CallAt::Misses(_) => !case.is_off(Safeguard::AdditionsCountFromTheLook),
            _ => true,
        };
        if is_watched && self.counts(case, self.call) {
            self.call.marked = true;
        }
    }

    pub fn counts(&self, case: &Case, call: Call) -> bool {
        call.inside || !case.is_off(Safeguard::LoadsAroundCount)
    }
}

impl Plan {
    /// Returns the steps of a write.
    pub fn write_steps(self, case: &Case) -> Vec<WriteStep> {
        let entries = case.scenario.entries;
        let (first, second) = match self.registration {
            Registration::Together => (entries, Targets::NONE),
            Registration::OneByOne => (entries.of(Targets::NAME), entries.of(Targets::TAG)),
        };
        let mut steps = vec![WriteStep::Registers(first), WriteStep::Writes];
        if case.is_off(Safeguard::RegistersFirst) {
            steps.reverse();
        }
        if second != Targets::NONE {
            steps.push(WriteStep::Registers(second));
        }
        steps
    }
}

impl Setting {
    /// Takes the next step of a write.
    pub fn write_inside(&mut self, case: &Case, i: usize) {
        let (Member::Transaction(transaction), Some(plan)) = (&mut self.members[i], case.plan(i))
        else {
            return;
        };
        let steps = plan.write_steps(case);
        let step = steps[usize::from(transaction.write_steps)];
        if transaction.write_steps == 0 {
            transaction.writes -= 1;
        }
        transaction.write_steps += 1;
        if usize::from(transaction.write_steps) == steps.len() {
            transaction.write_steps = 0;
        }
        match step {
            WriteStep::Registers(targets) => transaction.register(case, targets),
            WriteStep::Writes => {
                transaction.snapshot.get_or_insert(self.database.committed);
                if transaction.is_refused(plan.isolation, self.database.committed) {
                    return self.roll_back(case, i);
                }
                let depth = transaction.depth();
                transaction.own[depth] = Some(self.database.write(i));
            }
        }
    }

    /// Rolls back to the savepoint; the row is unlocked if it was locked there.
    pub fn roll_back_to_savepoint(&mut self, case: &Case, i: usize) {
        let Member::Transaction(transaction) = &mut self.members[i] else { return };
        transaction.roll_back_to_savepoint(case);
        if transaction.own().is_none() {
            self.database.unlock(i);
        }
    }
}
