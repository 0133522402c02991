//! The calls in the scope of a transaction: what they may read, and what becomes of their loads.

use crate::state::Version;

use super::cache::Targets;
use super::load::{Access, Call, CallAt};
use super::rules::{Case, Isolation, Plan, Registration, Safeguard};
use super::setting::{Member, Setting};
use super::transaction::{Transaction, TransactionAt};

impl Setting {
    /// Returns the row as a part sees it.
    pub fn read_row(&mut self, case: &Case, i: usize) -> Version {
        let committed = self.database.committed;
        let Member::Transaction(transaction) = &mut self.members[i] else { return committed };
        if transaction.at != TransactionAt::Open {
            return committed;
        }
        let is_snapshot = case.plan(i).is_some_and(|plan| plan.isolation == Isolation::Snapshot);
        let seen = match is_snapshot {
            true => *transaction.snapshot.get_or_insert(committed),
            false => committed,
        };
        transaction.own().unwrap_or(seen)
    }

    /// Starts a call in the scope of a transaction, or around it.
    pub fn call_inside(&mut self, case: &Case, i: usize, entry: Targets) -> Result<(), String> {
        let Member::Transaction(transaction) = &mut self.members[i] else { return Ok(()) };
        transaction.calls -= 1;
        let inside = transaction.at == TransactionAt::Open;
        let registered = transaction.has_registered(case, i, entry);
        let own = transaction.own().filter(|_| registered);
        transaction.call = Call { inside, own, ..Call::new(entry) };
        self.proceed_inside(case, i)
    }

    pub fn proceed_inside(&mut self, case: &Case, i: usize) -> Result<(), String> {
        let (Member::Transaction(transaction), Some(plan)) = (self.members[i], case.plan(i)) else {
            return Ok(());
        };
        let access = transaction.access(case, plan, transaction.call);
        self.proceed(case, i, access)
    }

    /// Returns whether the value of a load may be uncommitted because its body has written.
    pub fn is_overtaken(&self, case: &Case, i: usize, call: Call) -> bool {
        let Member::Transaction(transaction) = self.members[i] else { return false };
        if case.is_off(Safeguard::AdditionsCount) {
            return false;
        }
        match case.is_off(Safeguard::AdditionsAreNotTakenBack) {
            true => transaction.all_pending() != Targets::NONE && transaction.counts(case, call),
            false => call.marked,
        }
    }

    /// Checks the value of a call in the scope: it is the uncommitted row, if that was written and registered before.
    pub fn judge_inside(
        &self,
        case: &Case,
        i: usize,
        call: Call,
        version: Version,
    ) -> Result<(), String> {
        let (Member::Transaction(transaction), Some(plan)) = (self.members[i], case.plan(i)) else {
            return Ok(());
        };
        // A load has read what its transaction saw at that time.
        let is_loaded = matches!(call.at, CallAt::Ends(_) | CallAt::Keeps(_));
        match call.own {
            _ if !call.inside => Ok(()),
            own if own != transaction.own() => Ok(()),
            Some(own) if version != own && !is_loaded => Err(format!(
                "a call in the scope gets version {version}, and not version {own}, which its \
                 transaction has written"
            )),
            None if plan.isolation == Isolation::ReadCommitted
                && self.database.was_committed(version) =>
            {
                self.judge(call.required, version, "a call in the scope gets")
            }
            _ => Ok(()),
        }
    }
}

impl Transaction {
    /// Returns the use that a call in the scope may make of the cache.
    fn access(&self, case: &Case, plan: Plan, call: Call) -> Access {
        if !call.inside || self.at != TransactionAt::Open {
            return Access::FULL;
        }
        let pending = self.seen(case);
        let depends = pending.overlaps(call.entry);
        let bypasses = match case.is_off(Safeguard::AnyPendingCounts) {
            true => depends,
            false => pending != Targets::NONE,
        } || self.has_failed && !case.is_off(Safeguard::FailedWritesCount);
        let is_snapshot = plan.isolation == Isolation::Snapshot;
        let unstored = bypasses && !case.is_off(Safeguard::PendingIsNotStored)
            || is_snapshot && !case.is_off(Safeguard::SnapshotsAreNotStored);
        let unshared = bypasses && !case.is_off(Safeguard::PendingIsNotShared)
            || is_snapshot && !case.is_off(Safeguard::SnapshotsAreNotShared);
        Access {
            reads: !depends || case.is_off(Safeguard::PendingIsNotRead),
            joins: !depends && !is_snapshot || case.is_off(Safeguard::PendingIsNotJoined),
            stores: !unstored,
            shares: !unshared,
        }
    }

    /// Returns what a call in the scope has to take into account.
    fn seen(&self, case: &Case) -> Targets {
        match case.off {
            Some(Safeguard::SavepointsSeeOuter) if self.in_savepoint => self.pending[1],
            Some(Safeguard::OuterSeesSavepoints) => self.pending[0],
            _ => self.all_pending(),
        }
    }

    /// Returns whether the write of the transaction is registered for an entry.
    fn has_registered(&self, case: &Case, i: usize, entry: Targets) -> bool {
        if self.has_failed {
            return false;
        }
        let together = case.plan(i).is_some_and(|plan| plan.registration == Registration::Together);
        together || self.all_pending().overlaps(entry)
    }
}
