//! The end of a transaction, and the invalidation that follows it.

use crate::state::Version;

use super::cache::Targets;
use super::rules::{Case, Host, Safeguard};
use super::setting::{Member, Setting};
use super::transaction::{Answer, Confirmed, Outcome, Transaction, TransactionAt};

impl Setting {
    pub fn roll_back(&mut self, case: &Case, i: usize) {
        self.database.unlock(i);
        let Member::Transaction(transaction) = &mut self.members[i] else { return };
        transaction.in_savepoint = false;
        let all = transaction.all_pending();
        match case.is_off(Safeguard::RollbacksDoNotInvalidate) {
            true => {
                transaction.pending = [all, Targets::NONE];
                transaction.end(TransactionAt::Removes(Outcome::Committed));
            }
            false => transaction.end(TransactionAt::Done),
        }
    }

    /// Writes the row of the outbox before the commit, for everybody to see.
    pub fn write_row_early(&mut self, i: usize) {
        let Member::Transaction(transaction) = &mut self.members[i] else { return };
        transaction.at = TransactionAt::RowIsWritten;
        self.database.outbox[i] = transaction.all_pending();
    }

    /// Sends the commit.
    pub fn commit(&mut self, case: &Case, i: usize, answer: Answer) {
        if case.is_off(Safeguard::CommitsFirst) {
            return self.invalidate_early(case, i);
        }
        self.left.unanswered -= u8::from(answer != Answer::Received);
        let mut transaction = self.transaction(i);
        let targets = transaction.all_pending();
        self.execute_commit(case, i, answer);
        transaction.end(self.first_after_commit(case, i, answer));
        self.members[i] = Member::Transaction(transaction);
        if transaction.at == TransactionAt::WaitsForTheOutcome
            || case.is_off(Safeguard::ReturnsLast)
        {
            self.return_from_commit(case, i, targets);
        }
    }

    /// The server commits, or has not decided.
    fn execute_commit(&mut self, case: &Case, i: usize, answer: Answer) {
        let transaction = self.transaction(i);
        let row = match case.has_outbox(i) && !case.is_off(Safeguard::RowIsNotLate) {
            true => transaction.all_pending(),
            false => Targets::NONE,
        };
        match (answer, transaction.own()) {
            (Answer::Undecided, Some(own)) => self.database.undecided = Some((i as u8, own, row)),
            (_, own) => {
                self.database.commit(i, own);
                self.database.outbox[i] = self.database.outbox[i].and(row);
            }
        }
    }

    fn invalidate_early(&mut self, case: &Case, i: usize) {
        let targets = self.transaction(i).all_pending();
        self.remove(case.host(i), targets);
        self.raise(case, case.host(i), targets);
        if let Member::Transaction(transaction) = &mut self.members[i] {
            transaction.at = TransactionAt::CommitsLate;
        }
    }

    /// The commit returns to its caller, which relies on it.
    fn return_from_commit(&mut self, case: &Case, i: usize, targets: Targets) {
        let version = self.database.by[i];
        self.cache.processes[case.host(i)].require(targets, version);
    }

    fn first_after_commit(&self, case: &Case, i: usize, answer: Answer) -> TransactionAt {
        if answer != Answer::Received {
            return match case.is_off(Safeguard::UnknownInvalidatesAtOnce) {
                true => TransactionAt::WaitsForTheOutcome,
                false => TransactionAt::Removes(Outcome::Unknown),
            };
        }
        match case.has_outbox(i) && case.is_off(Safeguard::RowIsNotLate) {
            true => TransactionAt::WritesRow,
            false => TransactionAt::Removes(Outcome::Committed),
        }
    }

    /// Takes a step after the commit was sent.
    pub fn invalidate_after(&mut self, case: &Case, i: usize) {
        let next = self.next_after(case, i);
        let Member::Transaction(transaction) = &mut self.members[i] else { return };
        match next {
            TransactionAt::Done => transaction.end(next),
            _ => transaction.at = next,
        }
    }

    fn next_after(&mut self, case: &Case, i: usize) -> TransactionAt {
        let (host, transaction) = (case.host(i), self.transaction(i));
        let targets = transaction.all_pending();
        match transaction.at {
            TransactionAt::CommitsLate => {
                self.database.commit(i, transaction.own());
                self.return_from_commit(case, i, targets);
                TransactionAt::Done
            }
            TransactionAt::WritesRow => {
                self.database.outbox[i] = targets;
                TransactionAt::Removes(Outcome::Committed)
            }
            TransactionAt::Removes(outcome) => {
                let version = match case.is_off(Safeguard::PutsRemove) {
                    true => self.store(host, targets, self.database.by[i]),
                    false => self.remove(host, targets),
                };
                TransactionAt::Raises(outcome, Confirmed::Yes, version)
            }
            TransactionAt::Raises(outcome, confirmed, version) => {
                self.end_invalidation(case, host, targets, version);
                self.after_invalidation(case, i, outcome, confirmed)
            }
            TransactionAt::WaitsForTheOutcome => TransactionAt::Removes(Outcome::Repeated),
            TransactionAt::DeletesRow => {
                self.database.outbox[i] = Targets::NONE;
                TransactionAt::Done
            }
            at => unreachable!("no step after a commit: {at:?}"),
        }
    }

    /// A put stores what it has written, over any present state.
    fn store(&mut self, host: Host, targets: Targets, version: Version) -> Version {
        self.cache.remove(host, targets, version);
        self.forget_notes(targets);
        for one in targets.each() {
            self.cache.redis[one.index()] = Some(version);
        }
        version
    }

    /// The commit returns; what follows is done in the background.
    fn after_invalidation(
        &self,
        case: &Case,
        i: usize,
        outcome: Outcome,
        confirmed: Confirmed,
    ) -> TransactionAt {
        let deletes =
            confirmed == Confirmed::Yes || case.is_off(Safeguard::RowsWaitForConfirmation);
        match outcome {
            Outcome::Unknown if case.is_off(Safeguard::UnknownInvalidatesAgain) => {
                TransactionAt::Done
            }
            Outcome::Unknown => TransactionAt::WaitsForTheOutcome,
            _ if deletes && case.has_outbox(i) => TransactionAt::DeletesRow,
            _ => TransactionAt::Done,
        }
    }

    fn transaction(&self, i: usize) -> Transaction {
        match self.members[i] {
            Member::Transaction(transaction) => transaction,
            _ => unreachable!("no transaction"),
        }
    }
}
