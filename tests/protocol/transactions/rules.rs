//! The rules of transactions, each of which can be switched off, and who takes part.

use super::cache::Targets;

/// The maximum number of parts.
pub const PARTS: usize = 4;

/// One of the two processes.
pub type Host = usize;

/// The rules of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// The invalidation follows the commit. Otherwise: it precedes it.
    CommitsFirst,
    /// A commit returns after the invalidation. Otherwise: before it.
    ReturnsLast,
    /// A put of the transaction only removes the entries. Otherwise: it stores its value after the commit.
    PutsRemove,
    /// A call that depends on something pending uses no entry. Otherwise: it may be a hit.
    PendingIsNotRead,
    /// Nor does it join a flight.
    PendingIsNotJoined,
    /// A load in the scope that begins while something is pending is not stored.
    PendingIsNotStored,
    /// Nor is it shared.
    PendingIsNotShared,
    /// This holds for all loads in the scope. Otherwise: only for those that depend on what is pending.
    AnyPendingCounts,
    /// A transaction registers what it changes before it writes. Otherwise: after it.
    RegistersFirst,
    /// A load in the scope is not kept if something was registered while its body ran.
    AdditionsCount,
    /// Or between the look for its entry and its body.
    AdditionsCountFromTheLook,
    /// That is counted. Otherwise: it is forgotten when a savepoint is rolled back.
    AdditionsAreNotTakenBack,
    /// The same holds for a load that began before the transaction, which its body begins.
    LoadsAroundCount,
    /// A load that reads from a snapshot is not stored.
    SnapshotsAreNotStored,
    /// Nor is it shared.
    SnapshotsAreNotShared,
    /// Without an answer to the commit, the transaction invalidates. Otherwise: not until its outcome is known.
    UnknownInvalidatesAtOnce,
    /// It does so again. Otherwise: only once.
    UnknownInvalidatesAgain,
    /// It does so when the commit can no longer happen. Otherwise: at any time.
    AgainIsLate,
    /// There is an outbox.
    OutboxIsWritten,
    /// Its row is written with the transaction, not before it.
    RowIsNotEarly,
    /// Nor after it.
    RowIsNotLate,
    /// A relay deletes a row after its invalidation. Otherwise: when it has read the row.
    RowsAreDeletedLast,
    /// A row is deleted when Redis has confirmed its invalidation. Otherwise: also without a confirmation.
    RowsWaitForConfirmation,
    /// A savepoint that is released leaves what it has registered to the transaction.
    ReleasesKeepPending,
    /// A savepoint that is rolled back discards only what it has registered itself.
    RollbacksKeepOuter,
    /// The same, and that is indeed discarded.
    RollbacksDiscardOwn,
    /// A call in a savepoint depends on what the transaction has registered before.
    SavepointsSeeOuter,
    /// A call in the scope of the transaction depends on what an open savepoint has registered.
    OuterSeesSavepoints,
    /// A write that fails registers nothing. But its transaction counts as one that has written.
    FailedWritesCount,
    /// A commit of another transaction in the scope invalidates. Otherwise: this waits for the transaction around it.
    OthersDoNotWait,
    /// A rollback invalidates nothing.
    RollbacksDoNotInvalidate,
}

/// The reads of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each sees what is committed.
    ReadCommitted,
    /// All see what was committed at the first one.
    Snapshot,
}

/// The order in which a transaction registers the targets of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    Together,
    /// One before the write, the other one after it.
    OneByOne,
}

/// The number of times that a transaction may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub isolation: Isolation,
    pub registration: Registration,
    pub writes: u8,
    pub calls: u8,
    pub savepoints: u8,
    /// A write may fail when it has changed the row. Its transaction then rolls back.
    pub fails: bool,
    /// A call may begin before the transaction, which its body begins.
    pub around: bool,
    pub outbox: bool,
}

/// A participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A call outside of a transaction.
    Reader(Host, Targets),
    /// A write without a transaction, and its invalidation.
    Writer(Host),
    Transaction(Host, Plan),
    Relay(Host),
}

impl Part {
    pub fn host(self) -> Host {
        match self {
            Part::Reader(host, _)
            | Part::Writer(host)
            | Part::Transaction(host, _)
            | Part::Relay(host) => host,
        }
    }
}

/// The number of faults of each kind that may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// The answer to a commit does not arrive.
    pub unanswered: u8,
    /// A removal is neither executed nor confirmed.
    pub silences: u8,
    /// A process dies.
    pub deaths: u8,
}

/// The parts, the entries that they use, and the faults that may happen.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub parts: &'static [Part],
    pub entries: Targets,
    /// The entries are in Redis and in both memories.
    pub warm: bool,
    pub faults: Faults,
}

/// A scenario, and the rule that is switched off, if one is.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub scenario: Scenario,
    pub off: Option<Safeguard>,
}

impl Case {
    pub fn is_off(&self, safeguard: Safeguard) -> bool {
        self.off == Some(safeguard)
    }

    pub fn part(&self, i: usize) -> Part {
        self.scenario.parts[i]
    }

    pub fn host(&self, i: usize) -> Host {
        self.part(i).host()
    }

    pub fn plan(&self, i: usize) -> Option<Plan> {
        match self.part(i) {
            Part::Transaction(_, plan) => Some(plan),
            _ => None,
        }
    }

    pub fn parts(&self) -> std::ops::Range<usize> {
        assert!(self.scenario.parts.len() <= PARTS);
        0..self.scenario.parts.len()
    }

    /// Returns whether this transaction writes a row to the outbox.
    pub fn has_outbox(&self, i: usize) -> bool {
        self.plan(i).is_some_and(|plan| plan.outbox) && !self.is_off(Safeguard::OutboxIsWritten)
    }
}
