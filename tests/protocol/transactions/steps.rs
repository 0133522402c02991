//! The steps that are possible in a state.

use crate::search::Searched;

use super::cache::Targets;
use super::load::{Access, CallAt};
use super::outbox::RelayAt;
use super::rules::{Case, Host, Part, Plan, Safeguard};
use super::setting::{Member, Setting};
use super::transaction::{Answer, Confirmed, Transaction, TransactionAt, WriteStep};
use super::writer::WriterAt;

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A call goes on.
    Proceeds(usize),
    /// Something that is neither a call nor open goes on.
    Advances(usize),
    /// A removal is not executed.
    IsNotConfirmed(usize),
    Begins(usize),
    Calls(usize, Targets),
    Writes(usize),
    /// The function that has written fails.
    FailsToWrite(usize),
    OpensSavepoint(usize),
    Releases(usize),
    RollsBackToSavepoint(usize),
    RollsBack(usize),
    WritesRowEarly(usize),
    Commits(usize, Answer),
    /// The server decides about a commit without an answer: `true` if it is done.
    Decides(bool),
    TakesRow(usize, usize),
    Receives(Host),
    SendsPending(Host),
    Dies(Host),
}

impl Searched for Case {
    type World = Setting;
    type Step = Event;

    fn start(&self) -> Setting {
        Setting::new(self)
    }

    fn steps(&self, world: &Setting) -> Vec<Event> {
        let mut steps = Vec::new();
        for i in self.parts() {
            match world.members[i] {
                Member::Reader(call) => {
                    let waits = matches!(call.at, CallAt::Follows | CallAt::Done);
                    let goes = !waits && (call.at != CallAt::Starts || world.is_next(self, i));
                    steps.extend(goes.then_some(Event::Proceeds(i)));
                }
                Member::Writer(at) => world.steps_of_writer(i, at, &mut steps),
                Member::Transaction(transaction) => {
                    world.steps_of_transaction(self, i, &transaction, &mut steps);
                }
                Member::Relay(at) => world.steps_of_relay(i, at, &mut steps),
                Member::Absent => {}
            }
        }
        if world.database.undecided.is_some() {
            steps.extend([true, false].map(Event::Decides));
        }
        world.steps_of_processes(&mut steps);
        steps
    }

    fn perform(&self, world: &mut Setting, step: Event) -> Result<(), String> {
        world.perform(self, step)?;
        world.check(self)
    }

    fn describe(&self, world: &Setting, step: Event) -> String {
        world.describe(self, step)
    }
}

impl Setting {
    /// Of readers that are alike it does not matter which begins first.
    fn is_next(&self, case: &Case, i: usize) -> bool {
        let starts = |j: usize| self.call(j).is_some_and(|call| call.at == CallAt::Starts);
        !(0..i).any(|j| case.part(j) == case.part(i) && starts(j))
    }

    fn steps_of_writer(&self, i: usize, at: WriterAt, steps: &mut Vec<Event>) {
        match at {
            WriterAt::Writes if !self.database.may_write(i) => {}
            WriterAt::Done => {}
            WriterAt::Removes => steps.extend(self.removal(i)),
            WriterAt::Writes | WriterAt::Raises(_) => steps.push(Event::Advances(i)),
        }
    }

    fn removal(&self, i: usize) -> impl Iterator<Item = Event> {
        let silence = (self.left.silences > 0).then_some(Event::IsNotConfirmed(i));
        [Event::Advances(i)].into_iter().chain(silence)
    }

    fn steps_of_transaction(
        &self,
        case: &Case,
        i: usize,
        transaction: &Transaction,
        steps: &mut Vec<Event>,
    ) {
        let Some(plan) = case.plan(i) else { return };
        self.steps_of_scope(case, i, transaction, plan, steps);
        match transaction.at {
            TransactionAt::Starts => steps.push(Event::Begins(i)),
            TransactionAt::Open => self.steps_of_open(case, i, transaction, plan, steps),
            TransactionAt::RowIsWritten => self.commits(i, transaction, steps),
            TransactionAt::Removes(_) => steps.extend(self.removal(i)),
            TransactionAt::WaitsForTheOutcome => {
                let decided = !self.database.is_undecided(i);
                let may = decided || case.is_off(Safeguard::AgainIsLate);
                steps.extend(may.then_some(Event::Advances(i)));
            }
            TransactionAt::CommitsLate
            | TransactionAt::WritesRow
            | TransactionAt::Raises(..)
            | TransactionAt::DeletesRow => steps.push(Event::Advances(i)),
            TransactionAt::Done => {}
        }
    }

    /// The calls in the scope of a transaction, or around it.
    fn steps_of_scope(
        &self,
        case: &Case,
        i: usize,
        transaction: &Transaction,
        plan: Plan,
        steps: &mut Vec<Event>,
    ) {
        let may_call = match transaction.at {
            TransactionAt::Starts => plan.around,
            TransactionAt::Open => true,
            _ => false,
        };
        match transaction.call.at {
            CallAt::Done if may_call && transaction.calls > 0 => {
                steps.extend(case.scenario.entries.each().map(|entry| Event::Calls(i, entry)));
            }
            CallAt::Done | CallAt::Follows => {}
            _ => steps.push(Event::Proceeds(i)),
        }
    }

    fn steps_of_open(
        &self,
        case: &Case,
        i: usize,
        transaction: &Transaction,
        plan: Plan,
        steps: &mut Vec<Event>,
    ) {
        if transaction.has_failed {
            steps.push(Event::RollsBack(i));
            return;
        }
        let writes = transaction.write_steps > 0 || transaction.writes > 0;
        let next = plan.write_steps(case)[usize::from(transaction.write_steps)];
        let waits = next == WriteStep::Writes && !self.database.may_write(i);
        steps.extend((writes && !waits).then_some(Event::Writes(i)));
        if transaction.write_steps > 0 {
            return;
        }
        let may_fail = plan.fails && transaction.own().is_some();
        steps.extend(may_fail.then_some(Event::FailsToWrite(i)));
        if transaction.in_savepoint {
            steps.extend([Event::Releases(i), Event::RollsBackToSavepoint(i)]);
            return;
        }
        steps.extend((transaction.savepoints > 0).then_some(Event::OpensSavepoint(i)));
        steps.push(Event::RollsBack(i));
        match case.has_outbox(i) && case.is_off(Safeguard::RowIsNotEarly) {
            true => steps.push(Event::WritesRowEarly(i)),
            false => self.commits(i, transaction, steps),
        }
    }

    fn commits(&self, i: usize, transaction: &Transaction, steps: &mut Vec<Event>) {
        steps.push(Event::Commits(i, Answer::Received));
        if self.left.unanswered > 0 && transaction.own().is_some() {
            steps.push(Event::Commits(i, Answer::Lost));
            let undecided = Event::Commits(i, Answer::Undecided);
            steps.extend(self.database.undecided.is_none().then_some(undecided));
        }
    }

    fn steps_of_relay(&self, i: usize, at: RelayAt, steps: &mut Vec<Event>) {
        match at {
            RelayAt::Waits => {
                let rows = self.database.outbox.iter().enumerate();
                let rows = rows.filter(|(_, row)| **row != Targets::NONE);
                steps.extend(rows.map(|(row, _)| Event::TakesRow(i, row)));
            }
            RelayAt::Removes(..) => steps.extend(self.removal(i)),
            _ => steps.push(Event::Advances(i)),
        }
    }

    fn steps_of_processes(&self, steps: &mut Vec<Event>) {
        for (host, process) in self.cache.processes.iter().enumerate() {
            let mut may = |can: bool, event| steps.extend(can.then_some(event));
            may(process.inbox != Targets::NONE, Event::Receives(host));
            may(process.journal != Targets::NONE, Event::SendsPending(host));
            may(self.left.deaths > 0, Event::Dies(host));
        }
    }

    fn perform(&mut self, case: &Case, event: Event) -> Result<(), String> {
        match event {
            Event::Proceeds(i) => match case.part(i) {
                Part::Transaction(..) => self.proceed_inside(case, i)?,
                _ => self.proceed(case, i, Access::FULL)?,
            },
            Event::Advances(i) => match self.members[i] {
                Member::Writer(at) => self.write(case, i, at),
                Member::Relay(at) => self.relay(case, i, at),
                _ => self.invalidate_after(case, i),
            },
            Event::IsNotConfirmed(i) => self.lose_removal(case, i),
            Event::Calls(i, entry) => self.call_inside(case, i, entry)?,
            Event::Writes(i) => self.write_inside(case, i),
            Event::RollsBackToSavepoint(i) => self.roll_back_to_savepoint(case, i),
            Event::RollsBack(i) => self.roll_back(case, i),
            Event::WritesRowEarly(i) => self.write_row_early(i),
            Event::Commits(i, answer) => self.commit(case, i, answer),
            Event::Begins(i)
            | Event::OpensSavepoint(i)
            | Event::Releases(i)
            | Event::FailsToWrite(i) => self.change(case, i, event),
            Event::Decides(commits) => self.database.decide(commits),
            Event::TakesRow(i, row) => self.take_row(case, i, row),
            Event::Receives(host) => self.receive(case, host),
            Event::SendsPending(host) => self.send_pending(host),
            Event::Dies(host) => self.die(case, host),
        }
        Ok(())
    }

    fn change(&mut self, case: &Case, i: usize, event: Event) {
        let Member::Transaction(transaction) = &mut self.members[i] else { return };
        match event {
            Event::Begins(_) => transaction.at = TransactionAt::Open,
            Event::Releases(_) => transaction.release(case),
            Event::FailsToWrite(_) => transaction.fail_write(),
            _ => transaction.open_savepoint(),
        }
    }

    /// Redis neither executes nor confirms a removal, which is pending from here on.
    fn lose_removal(&mut self, case: &Case, i: usize) {
        let host = case.host(i);
        let member = self.members[i];
        self.members[i] = match member {
            Member::Writer(_) => {
                Member::Writer(WriterAt::Raises(self.queue(host, case.scenario.entries)))
            }
            Member::Relay(RelayAt::Removes(row, targets)) => {
                let version = self.queue(host, targets);
                Member::Relay(match case.is_off(Safeguard::RowsWaitForConfirmation) {
                    true => RelayAt::Raises(row, targets, version),
                    false => RelayAt::RaisesAlone(targets, version),
                })
            }
            Member::Transaction(mut transaction) => {
                if let TransactionAt::Removes(outcome) = transaction.at {
                    let version = self.queue(host, transaction.all_pending());
                    transaction.at = TransactionAt::Raises(outcome, Confirmed::No, version);
                }
                Member::Transaction(transaction)
            }
            other => other,
        };
    }
}
