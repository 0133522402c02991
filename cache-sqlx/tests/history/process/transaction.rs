//! A transaction of `cache_sqlx`, from its beginning to its end.

use std::time::Duration;

use cache_sqlx::{Isolation, Transaction, begin, begin_isolated};
use cache_tests::Dice;
use cache_tests::history::{Span, now_us};
use sqlx::{Error, Postgres};
use tokio::time::{sleep, timeout};

use super::course::Course;
use super::rows::load;
use super::work::Shared;
use crate::event::{Ended, Fact, Outcome};

/// The number of times that a transaction is tried.
const ATTEMPTS: u64 = 3;

/// Runs a transaction, and again after a serialization failure.
pub async fn transact(shared: &Shared, dice: &mut Dice) {
    let seed = dice.word();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            shared.record.note(Fact::Retry);
        }
        if !try_once(shared, Dice::new(seed)).await {
            return;
        }
    }
}

/// Returns true if the transaction was rolled back because of others.
async fn try_once(shared: &Shared, mut dice: Dice) -> bool {
    let (is_snapshot, is_doomed) = (dice.percent(35), dice.percent(30));
    let begun_at = now_us();
    let begun = match is_snapshot {
        true if dice.percent(30) => begin_isolated(&shared.pool, Isolation::Serializable).await,
        true => begin_isolated(&shared.pool, Isolation::RepeatableRead).await,
        false => begin(&shared.pool).await,
    };
    let Ok(mut tx) = begun else { return false };
    let has_outbox = shared.is_mortal || dice.percent(30);
    tx.outbox(has_outbox);
    let writer = shared.record.writer(is_doomed);
    let snapshot = is_snapshot.then_some(begun_at);
    let mut course = Course::new(shared, dice.clone(), writer, snapshot);
    dice.word();
    let worked = work(&mut course, &mut tx, &mut dice).await;
    let mut end = End { shared, course, dice, has_outbox, span: Span { begin: now_us(), end: 0 } };
    match worked {
        Err(error) => {
            drop(tx);
            end.rolled_back(&error)
        }
        Ok(()) if is_doomed => {
            end.roll_back(tx).await;
            false
        }
        Ok(()) => end.commit(tx).await,
    }
}

async fn work(
    course: &mut Course<'_>,
    tx: &mut Transaction<'static, Postgres>,
    dice: &mut Dice,
) -> Result<(), Error> {
    if course.reads_snapshot() {
        // The first statement takes the snapshot. Others commit before the next one.
        load(tx, 0).await?;
        sleep(Duration::from_millis(dice.below(20))).await;
        course.read_late(tx).await?;
    }
    let steps = dice.within(2..6);
    if dice.percent(30) {
        tx.scope(async |tx| course.steps(tx, steps).await).await
    } else {
        course.steps(tx, steps).await
    }
}

/// The end of a transaction.
struct End<'a> {
    shared: &'a Shared,
    course: Course<'a>,
    dice: Dice,
    has_outbox: bool,
    span: Span,
}

impl End<'_> {
    async fn roll_back(&mut self, tx: Transaction<'static, Postgres>) {
        if self.dice.percent(50) {
            // A lost connection rolls back as well.
            let _ = tx.rollback().await;
            self.shared.record.note(Fact::Rollback);
        } else {
            drop(tx);
            self.shared.record.note(Fact::Drop);
        }
        self.note(Outcome::RolledBack);
    }

    async fn commit(&mut self, tx: Transaction<'static, Postgres>) -> bool {
        let committed = if self.dice.percent(25) {
            let patience = Duration::from_micros(self.dice.below(3_000));
            match timeout(patience, tx.commit()).await {
                Ok(committed) => committed,
                Err(_) => {
                    self.shared.record.note(Fact::CommitDropped);
                    self.note(Outcome::Unknown);
                    return false;
                }
            }
        } else {
            tx.commit().await
        };
        match committed {
            Ok(()) => {
                self.committed();
                false
            }
            Err(error) if is_rolled_back(&error) => self.rolled_back(&error),
            Err(_) => {
                self.shared.record.note(Fact::CommitFailed);
                self.note(Outcome::Unknown);
                false
            }
        }
    }

    fn committed(&mut self) {
        let record = &self.shared.record;
        record.note(Fact::Commit);
        if self.has_outbox {
            record.note(Fact::CommitWithOutbox);
        }
        if self.course.reads_snapshot() {
            record.note(Fact::CommitOfSnapshot);
        }
        self.note(Outcome::Committed);
    }

    fn rolled_back(&mut self, error: &Error) -> bool {
        self.note(Outcome::RolledBack);
        let failed = is_serialization_failure(error);
        if failed {
            self.shared.record.note(Fact::SerializationFailure);
        }
        failed
    }

    fn note(&mut self, outcome: Outcome) {
        self.span.end = now_us();
        let (writer, written) = (self.course.writer(), self.course.written());
        let span = self.span;
        self.shared.record.end(Ended { writer, span, outcome, written, confirmed: None });
    }
}

/// Returns true if nothing was committed.
pub fn is_rolled_back(error: &Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("40") && code != "40003")
}

fn is_serialization_failure(error: &Error) -> bool {
    code(error).is_some_and(|code| code == "40001")
}

fn code(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
