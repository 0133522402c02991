//! A writer without a transaction. It may run in the scope of one.

use crate::state::Version;

use super::rules::{Case, Host, Safeguard};
use super::setting::{Member, Setting};
use super::transaction::{Transaction, TransactionAt};

/// The next step of a writer without a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriterAt {
    Writes,
    Removes,
    Raises(Version),
    Done,
}

impl Setting {
    /// A writer without a transaction: its write and its commit are one step.
    pub fn write(&mut self, case: &Case, i: usize, at: WriterAt) {
        let (host, targets) = (case.host(i), case.scenario.entries);
        let next = match at {
            WriterAt::Writes => {
                let version = self.database.write(i);
                self.database.commit(i, Some(version));
                WriterAt::Removes
            }
            WriterAt::Removes => match self.joins_transaction(case, host) {
                Some(around) => {
                    around.register(case, targets);
                    WriterAt::Raises(self.database.by[i])
                }
                None => WriterAt::Raises(self.remove(host, targets)),
            },
            WriterAt::Raises(version) => {
                self.end_invalidation(case, host, targets, version);
                WriterAt::Done
            }
            WriterAt::Done => WriterAt::Done,
        };
        self.members[i] = Member::Writer(next);
    }

    /// Returns the transaction in whose scope a writer is taken to be.
    fn joins_transaction(&mut self, case: &Case, host: Host) -> Option<&mut Transaction> {
        let mut scopes = case.parts().filter(|i| case.host(*i) == host);
        let i = scopes.find(|i| match self.members[*i] {
            Member::Transaction(transaction) => transaction.at == TransactionAt::Open,
            _ => false,
        })?;
        match &mut self.members[i] {
            Member::Transaction(around) if case.is_off(Safeguard::OthersDoNotWait) => Some(around),
            _ => None,
        }
    }
}
