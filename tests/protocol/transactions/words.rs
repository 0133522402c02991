//! Steps in words, so that a counterexample can be read.

use super::load::{Call, CallAt};
use super::outbox::RelayAt;
use super::rules::{Case, Part};
use super::setting::{Member, Setting};
use super::steps::Event;
use super::transaction::{Answer, Outcome, Transaction, TransactionAt, WriteStep};
use super::writer::WriterAt;

impl Setting {
    pub fn describe(&self, case: &Case, event: Event) -> String {
        match event {
            Event::Proceeds(i) => {
                let act = self.call(i).map(|call| self.call_in_words(i, call)).unwrap_or_default();
                format!("{} {act}", name(case, i))
            }
            Event::Advances(i) => format!("{} {}", name(case, i), self.act_in_words(i)),
            Event::IsNotConfirmed(i) => {
                format!("{} {}, and Redis does not", name(case, i), self.act_in_words(i))
            }
            Event::Begins(i) => format!("{} begins", name(case, i)),
            Event::Calls(i, entry) => format!(
                "{} calls the function of {entry:?}, where Redis has {:?}, memory {:?}",
                name(case, i),
                self.cache.redis[entry.index()],
                self.cache.processes[case.host(i)].memory[entry.index()]
            ),
            Event::Writes(i) => format!("{} {}", name(case, i), self.write_in_words(case, i)),
            Event::FailsToWrite(i) => {
                format!("{} fails after its write, and registers nothing", name(case, i))
            }
            Event::OpensSavepoint(i) => format!("{} opens a savepoint", name(case, i)),
            Event::Releases(i) => format!("{} releases the savepoint", name(case, i)),
            Event::RollsBackToSavepoint(i) => {
                format!("{} rolls back to the savepoint", name(case, i))
            }
            Event::RollsBack(i) => format!("{} rolls back", name(case, i)),
            Event::WritesRowEarly(i) => {
                format!("{} writes its row to the outbox, without a transaction", name(case, i))
            }
            Event::Commits(i, answer) => {
                let answer = match answer {
                    Answer::Received => "",
                    Answer::Lost => ", and the answer is lost",
                    Answer::Undecided => ", and the connection is lost before the server decides",
                };
                format!("{} sends the commit{answer}", name(case, i))
            }
            Event::Decides(commits) => match commits {
                true => "the server commits what was undecided".to_owned(),
                false => "the server rolls back what was undecided".to_owned(),
            },
            Event::TakesRow(i, row) => {
                format!("{} reads the row of {}", name(case, i), name(case, row))
            }
            Event::Receives(host) => format!("process {host} receives the notices"),
            Event::SendsPending(host) => format!("process {host} has Redis execute its journal"),
            Event::Dies(host) => format!("process {host} dies, and starts again"),
        }
    }

    fn call_in_words(&self, i: usize, call: Call) -> String {
        let place = call.entry.index();
        match call.at {
            CallAt::Starts | CallAt::Looks => {
                format!("looks for {:?}: Redis has {:?}", call.entry, self.cache.redis[place])
            }
            CallAt::Misses(_) => "begins to load, or joins a load".to_owned(),
            CallAt::Reads => match self.members[i] {
                Member::Transaction(transaction) => format!(
                    "reads the row in the body of its load: own version {:?}, committed version {}",
                    transaction.own(),
                    self.database.committed
                ),
                _ => format!("runs its body, which reads version {}", self.database.committed),
            },
            CallAt::Ends(version) => format!("ends its body with version {version}"),
            CallAt::Fills(version) => format!("fills Redis with version {version}, if it may"),
            CallAt::Keeps(version) => {
                format!("keeps version {version} in memory, if it may, and returns it")
            }
            CallAt::Follows | CallAt::Done => "waits".to_owned(),
        }
    }

    fn write_in_words(&self, case: &Case, i: usize) -> String {
        let (Member::Transaction(Transaction { write_steps, .. }), Some(plan)) =
            (self.members[i], case.plan(i))
        else {
            return String::new();
        };
        match plan.write_steps(case)[usize::from(write_steps)] {
            WriteStep::Registers(targets) => format!("registers {targets:?}"),
            WriteStep::Writes => "writes the row".to_owned(),
        }
    }

    fn act_in_words(&self, i: usize) -> String {
        match self.members[i] {
            Member::Writer(WriterAt::Writes) => "writes and commits the row".to_owned(),
            Member::Writer(WriterAt::Removes) => "removes the entries".to_owned(),
            Member::Transaction(transaction) => transaction.end_in_words().to_owned(),
            Member::Relay(RelayAt::Removes(_, targets)) => format!("removes {targets:?}"),
            Member::Relay(RelayAt::Deletes(_)) => "deletes the row".to_owned(),
            _ => "raises its generations".to_owned(),
        }
    }
}

impl Transaction {
    fn end_in_words(&self) -> &'static str {
        match self.at {
            TransactionAt::CommitsLate => "sends the commit, and returns",
            TransactionAt::WritesRow => "writes its row to the outbox",
            TransactionAt::Removes(Outcome::Committed) => "removes the entries",
            TransactionAt::Removes(Outcome::Unknown) => "removes the entries, perhaps too early",
            TransactionAt::Removes(Outcome::Repeated) => "removes the entries again",
            TransactionAt::Raises(..) => "raises its generations, and returns",
            TransactionAt::DeletesRow => "deletes its row",
            TransactionAt::WaitsForTheOutcome => "has waited for the outcome",
            TransactionAt::Starts
            | TransactionAt::Open
            | TransactionAt::RowIsWritten
            | TransactionAt::Done => "does nothing",
        }
    }
}

fn name(case: &Case, i: usize) -> String {
    let part = match case.part(i) {
        Part::Reader(..) => "reader",
        Part::Writer(_) => "writer",
        Part::Transaction(..) => "transaction",
        Part::Relay(_) => "relay",
    };
    format!("process {}: {part} {i}", case.host(i))
}
