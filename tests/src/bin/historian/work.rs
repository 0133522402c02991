//! A task of a historian: one random operation after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::Error;
use cache_tests::Dice;
use cache_tests::history::{
    Event, Failure, GROUPS, How, Key, OWNED, ROWS, SINGLE_GROUPS, Span, now_us,
};

use crate::changes;
use crate::many;
use crate::outer::{self, Outer};
use crate::reads;
use crate::record::Record;

/// No operation may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Work {
    dice: Dice,
    record: Arc<Record>,
}

/// One operation.
#[derive(Clone, Debug)]
enum Operation {
    Read(How, Key),
    /// A call of the function of many keys of a group.
    CallMany(u8, Vec<u8>),
    /// A load of the names of a row and some groups.
    GetOrLoadMany(u8, Vec<u8>),
    /// A call that is dropped after this many milliseconds.
    Abandon(Key, u64),
    /// The same with a call of many keys.
    AbandonMany(u8, Vec<u8>, u64),
    /// A read of a value that inherits.
    ReadOuter(How, Outer, u8),
    /// The same through its function of many keys.
    CallManyOuter(Vec<u8>),
    /// A call that is dropped after this many milliseconds.
    AbandonOuter(Outer, u8, u64),
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
        let group = any_group(dice);
        let row = any_row(dice);
        let (key, of_one) = (Key::new(group, row), Key::new(group % SINGLE_GROUPS, row));
        match dice.below(1_000) {
            0..160 => Operation::Read(How::Call, of_one),
            160..310 => outer_operation(dice, hushed),
            310..400 => Operation::CallMany(group, some(dice, any_row)),
            400..600 => Operation::Read(How::Fetch, of_one),
            600..650 => Operation::CallMany(group, some(dice, any_row)),
            650..720 => Operation::Read(How::Get, key),
            720..750 => Operation::Read(How::GetMany, key),
            750..810 => Operation::Read(How::GetOrLoad, Key::new(group_without_owners(dice), row)),
            810..850 => Operation::GetOrLoadMany(row, some(dice, group_without_owners)),
            850..890 => Operation::Read(How::Peek, of_one),
            // It stores directly, and so invalidates what it cannot store.
            890..900 if !hushed => Operation::Read(How::Refresh, of_one),
            900..920 => Operation::Abandon(of_one, dice.below(4)),
            920..940 => Operation::AbandonMany(group, some(dice, any_row), dice.below(4)),
            890..900 => Operation::Read(How::Call, of_one),
            _ if hushed => Operation::Read(How::Call, of_one),
            // They concern one group only. With no other changes, a value of it that is stale stays for a while.
            _ if is_quiet() && dice.percent(30) => {
                Operation::Change(*dice.pick(&changes::OF_OWNERS), dice.word())
            }
            _ if is_quiet() && dice.below(300) > 0 => Operation::Read(How::Call, of_one),
            _ => Operation::Change(*dice.pick(&changes::KINDS), dice.word()),
        }
    }

    /// In a task of its own: one that panics is a failure like any other.
    async fn perform(&self, operation: Operation) {
        let begin = now_us();
        let mut task = tokio::spawn(perform(operation.clone(), Arc::clone(&self.record)));
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

/// Returns a row. The first ones are requested more often than the last ones.
fn any_row(dice: &mut Dice) -> u8 {
    let row = dice.below(u64::from(ROWS)).min(dice.below(u64::from(ROWS)));
    u8::try_from(row).unwrap_or(0)
}

fn any_group(dice: &mut Dice) -> u8 {
    u8::try_from(dice.below(u64::from(GROUPS))).unwrap_or(0)
}

/// Returns a group whose tags are known before the value is loaded, as the direct API needs them.
fn group_without_owners(dice: &mut Dice) -> u8 {
    match any_group(dice) {
        OWNED => 0,
        group => group,
    }
}

fn outer_operation(dice: &mut Dice, hushed: bool) -> Operation {
    let (outer, row) = (*dice.pick(&[Outer::Pair, Outer::Tower]), any_row(dice));
    match dice.below(100) {
        0..35 => Operation::ReadOuter(How::CallOuter, outer, row),
        35..70 => Operation::ReadOuter(How::FetchOuter, outer, row),
        70..75 => Operation::ReadOuter(How::PeekOuter, outer, row),
        // It stores directly, and so invalidates what it cannot store.
        75..80 if !hushed => Operation::ReadOuter(How::RefreshOuter, outer, row),
        75..95 => Operation::CallManyOuter(some(dice, any_row)),
        _ => Operation::AbandonOuter(outer, row, dice.below(4)),
    }
}

/// Returns two to five of these, also equal ones.
fn some(dice: &mut Dice, one: fn(&mut Dice) -> u8) -> Vec<u8> {
    (0..dice.within(2..6)).map(|_| one(dice)).collect()
}

/// Returns true at the times in which hardly anything is changed, so that TTLs run out.
fn is_quiet() -> bool {
    now_us() % 10_000_000 < 5_000_000
}

async fn perform(operation: Operation, record: Arc<Record>) -> Result<(), Error> {
    match operation {
        Operation::Read(how, key) => reads::read(how, key, &record).await,
        Operation::CallMany(group, rows) => {
            reads::call_many(group, &rows, &record).await;
            Ok(())
        }
        Operation::GetOrLoadMany(row, groups) => {
            reads::get_or_load_many(row, &groups, &record).await;
            Ok(())
        }
        Operation::AbandonMany(group, rows, millis) => {
            let limit = Duration::from_millis(millis);
            let _ = tokio::time::timeout(limit, many::call(group, &rows)).await;
            Ok(())
        }
        Operation::Abandon(key, millis) => {
            let limit = Duration::from_millis(millis);
            // Its output is of no interest.
            let _ = tokio::time::timeout(limit, reads::call(key)).await;
            Ok(())
        }
        Operation::ReadOuter(how, outer, row) => reads::read_outer(how, outer, row, &record).await,
        Operation::CallManyOuter(rows) => {
            reads::call_many_outer(&rows, &record).await;
            Ok(())
        }
        Operation::AbandonOuter(outer, row, millis) => {
            let limit = Duration::from_millis(millis);
            let _ = tokio::time::timeout(limit, outer::call(outer, row)).await;
            Ok(())
        }
        Operation::Change(how, seed) => changes::change(how, &mut Dice::new(seed), &record).await,
    }
}
