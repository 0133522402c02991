//! A task of a historian: one random operation after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::Error;
use cache_tests::Dice;
use cache_tests::history::{Event, Failure, How, Key, ROWS, Span, now_us};

use crate::changes;
use crate::reads;
use crate::record::Record;

/// No operation may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Work {
    dice: Dice,
    record: Arc<Record>,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Read(How, Key),
    /// A call that is dropped after this many milliseconds.
    Abandon(Key, u64),
    Change(How, u64),
}

impl Work {
    pub fn new(dice: Dice, record: Arc<Record>) -> Self {
        Work { dice, record }
    }

    pub async fn until_stopped(mut self) {
        while !self.record.stopped.load(Ordering::Relaxed) {
            let operation = self.choose();
            self.perform(operation).await;
            self.record.operations.fetch_add(1, Ordering::Relaxed);
            if self.dice.percent(5) {
                tokio::time::sleep(Duration::from_millis(self.dice.below(5))).await;
            }
        }
    }

    fn choose(&mut self) -> Operation {
        let hushed = self.record.hushed.load(Ordering::Relaxed);
        let dice = &mut self.dice;
        // The first rows are requested more often than the last ones.
        let row = dice.below(u64::from(ROWS)).min(dice.below(u64::from(ROWS)));
        let group = u8::try_from(dice.below(4)).unwrap_or(0);
        let key = Key::new(group, u8::try_from(row).unwrap_or(0));
        match dice.below(1_000) {
            0..400 => Operation::Read(How::Call, key),
            400..650 => Operation::Read(How::Fetch, key),
            650..720 => Operation::Read(How::Get, key),
            720..750 => Operation::Read(How::GetMany, key),
            750..850 => Operation::Read(How::GetOrLoad, key),
            850..890 => Operation::Read(How::Peek, key),
            // It stores directly, and so invalidates what it cannot store.
            890..900 if !hushed => Operation::Read(How::Refresh, key),
            900..940 => Operation::Abandon(key, dice.below(4)),
            890..900 => Operation::Read(How::Call, key),
            _ if hushed || (is_quiet() && dice.below(300) > 0) => Operation::Read(How::Call, key),
            _ => Operation::Change(*dice.pick(&changes::KINDS), dice.word()),
        }
    }

    /// In a task of its own: one that panics is a failure like any other.
    async fn perform(&self, operation: Operation) {
        let begin = now_us();
        let mut task = tokio::spawn(perform(operation, Arc::clone(&self.record)));
        let what = match tokio::time::timeout(PATIENCE, &mut task).await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(panic)) => panic.to_string(),
            Err(_) => {
                task.abort();
                format!("it takes longer than {PATIENCE:?}")
            }
        };
        let (operation, span) = (format!("{operation:?}"), Span { begin, end: now_us() });
        self.record.write(&Event::Failure(Failure { operation, span, what }));
    }
}

/// At times hardly anything is changed, by nobody, so that TTLs run out.
fn is_quiet() -> bool {
    now_us() % 10_000_000 < 5_000_000
}

async fn perform(operation: Operation, record: Arc<Record>) -> Result<(), Error> {
    match operation {
        Operation::Read(how, key) => reads::read(how, key, &record).await,
        Operation::Abandon(key, millis) => {
            let limit = Duration::from_millis(millis);
            // What it would have seen is of no interest.
            let _ = tokio::time::timeout(limit, reads::call(key)).await;
            Ok(())
        }
        Operation::Change(how, seed) => changes::change(how, &mut Dice::new(seed), &record).await,
    }
}
