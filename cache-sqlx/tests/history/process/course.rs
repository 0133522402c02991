//! The steps of a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cache_runtime::CacheCall as _;
use cache_sqlx::Transaction;
use cache_tests::Dice;
use cache_tests::history::{Origin, Span, now_us};
use sqlx::{Error, Postgres};
use tokio::time::sleep;

use super::changes::{
    Refused, change_and_read, change_and_refuse, change_by_entry, change_by_prefix,
    change_by_shelf, change_by_tag, change_directly, put_and_invalidate,
};
use super::functions::{item, item_within, items, made, owned, page, page_within};
use super::reads::{Seen, any_row, many, one};
use super::record::lag;
use super::rows::{Rows, lock};
use super::work::Shared;
use crate::event::{Event, Fact, How, Read};
use crate::item::{Item, ROWS, SHELVES, Written, shelf_of};

type Tx<'a> = Transaction<'a, Postgres>;

/// The ways to read in a transaction.
const READS: [How; 6] = [
    How::ItemScoped,
    How::OwnedScoped,
    How::EachScoped,
    How::PageScoped,
    How::ItemWithin,
    How::PageWithin,
];

/// The ways to change a row.
const CHANGES: [Fact; 8] = [
    Fact::ChangedByPrefix,
    Fact::ChangedByEntry,
    Fact::ChangedByTag,
    Fact::ChangedByShelf,
    Fact::ChangedByPut,
    Fact::ChangedDirectly,
    Fact::ChangedInLoad,
    Fact::ReadInChange,
];

/// A transaction on its way.
pub struct Course<'a> {
    shared: &'a Shared,
    dice: Dice,
    writer: i64,
    /// The beginning of a transaction that reads from a snapshot.
    snapshot: Option<u64>,
    /// The rows that are going to be changed. They are in order, so that there are few deadlocks.
    rows: Vec<i32>,
    /// The rows that were changed, as the transaction must see them.
    own: BTreeMap<i32, Written>,
    /// Those of which the cache does not know.
    refused: BTreeSet<i32>,
}

impl<'a> Course<'a> {
    pub fn new(shared: &'a Shared, mut dice: Dice, writer: i64, snapshot: Option<u64>) -> Self {
        let mut rows: Vec<i32> = (0..3).map(|_| any_row(&mut dice)).collect();
        rows.sort_unstable_by(|one, other| other.cmp(one));
        Course {
            shared,
            dice,
            writer,
            snapshot,
            rows,
            own: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }

    pub fn writer(&self) -> i64 {
        self.writer
    }

    pub fn written(&self) -> Vec<Written> {
        self.own.values().copied().collect()
    }

    pub fn reads_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    pub async fn steps(&mut self, tx: &mut Tx<'_>, count: u64) -> Result<(), Error> {
        for _ in 0..count {
            match self.dice.below(100) {
                0..45 => self.read(tx).await?,
                45..80 => self.change(tx).await?,
                80..94 => self.savepoint(tx).await?,
                _ => sleep(Duration::from_millis(self.dice.below(6))).await,
            }
        }
        Ok(())
    }

    /// Reads through the cache from a snapshot that may be old by now.
    pub async fn read_late(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for _ in 0..self.dice.within(1..4) {
            self.shared.record.note(Fact::LateRead);
            self.read(tx).await?;
        }
        Ok(())
    }

    async fn read(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let how = *self.dice.pick(&READS);
        self.read_by(how, tx).await
    }

    async fn read_by(&mut self, how: How, tx: &mut Tx<'_>) -> Result<(), Error> {
        let id = self.row_to_read();
        self.read_row(how, tx, id).await
    }

    async fn read_row(&mut self, how: How, tx: &mut Tx<'_>, id: i32) -> Result<(), Error> {
        let (begin, lag) = (now_us(), lag());
        let (origin, items) = see(how, tx, id).await?;
        let span = Span { begin, end: now_us() };
        items.into_iter().for_each(|seen| self.note(how, span, lag, origin, seen));
        Ok(())
    }

    fn note(&self, how: How, span: Span, lag: u64, origin: Origin, seen: Item) {
        self.shared.record.operation();
        if self.refused.contains(&seen.id) {
            return;
        }
        let (from, own) =
            (self.snapshot.unwrap_or(span.begin), self.own.get(&seen.id).map(|own| own.item));
        self.shared.record.write(&Event::Read(Read { how, span, origin, from, lag, seen, own }));
    }

    /// Returns one of its own rows, or any.
    fn row_to_read(&mut self) -> i32 {
        let own: Vec<i32> = self.own.keys().copied().collect();
        if own.is_empty() || self.dice.percent(40) {
            any_row(&mut self.dice)
        } else {
            *self.dice.pick(&own)
        }
    }

    async fn change(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(id) = self.rows.pop() else { return Ok(()) };
        if self.writer < 0 && self.dice.percent(25) {
            return self.change_and_refuse(tx, id).await;
        }
        let how = *self.dice.pick(&CHANGES);
        let (writer, shelf, pool) = (self.writer, shelf_of(id), &self.shared.pool);
        let owner = lock(tx, id).await?;
        let item = match how {
            Fact::ChangedByPrefix => change_by_prefix(tx, shelf, id, owner, writer).await?.item,
            Fact::ChangedByEntry => change_by_entry(tx, pool, shelf, id, owner, writer).await?.item,
            Fact::ChangedByTag => change_by_tag(tx, id, writer).await?.item,
            Fact::ChangedByShelf => change_by_shelf(tx, shelf, id, owner, writer).await?.item,
            Fact::ChangedByPut => put_and_invalidate(tx, pool, shelf, id, owner, writer).await?,
            Fact::ChangedDirectly => change_directly(tx, id, owner, writer).await?.item,
            Fact::ReadInChange => {
                let (begin, lag) = (now_us(), lag());
                let (item, seen) = change_and_read(tx, shelf, id, owner, writer).await?;
                self.changed(how, item, owner);
                let span = Span { begin, end: now_us() };
                self.note(How::ItemScoped, span, lag, Origin::Unknown, seen);
                return Ok(());
            }
            _ => return self.make(tx, id, owner).await,
        };
        self.changed(how, item, owner);
        Ok(())
    }

    /// Changes a row in the body of a load, unless its value is cached.
    async fn make(&mut self, tx: &mut Tx<'_>, id: i32, owner: i32) -> Result<(), Error> {
        let (begin, lag) = (now_us(), lag());
        let writer = Some(self.writer);
        let making = tx.scope(async |tx| {
            one(made(Rows::Connection(tx), writer, id).cache_entry().fetch().await)
        });
        let (origin, items) = making.await?;
        let span = Span { begin, end: now_us() };
        for seen in items {
            if seen.writer == self.writer {
                self.changed(Fact::ChangedInLoad, seen, owner);
            } else {
                self.note(How::MadeScoped, span, lag, origin, seen);
            }
        }
        Ok(())
    }

    /// Changes a row in a function that fails. So the transaction may see the row, or the one from before.
    async fn change_and_refuse(&mut self, tx: &mut Tx<'_>, id: i32) -> Result<(), Error> {
        match change_and_refuse(tx, id, self.writer).await {
            Err(Refused::Database(error)) => return Err(error),
            Err(Refused::After(written)) => {
                self.refused.insert(written.item.id);
                self.shared.record.note(Fact::ChangedAndRefused);
            }
            Ok(()) => {}
        }
        for how in [How::ItemScoped, How::OwnedScoped, How::EachScoped] {
            self.read_row(how, tx, id).await?;
        }
        Ok(())
    }

    fn changed(&mut self, how: Fact, item: Item, owner: i32) {
        // The owner that others know is that from before the first change.
        let before = self.own.get(&item.id).map_or(owner, |written| written.before);
        self.own.insert(item.id, Written { item, before });
        self.refused.remove(&item.id);
        self.shared.record.note(how);
        self.shared.record.operation();
    }

    /// Changes and reads in a savepoint.
    async fn savepoint(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let (writer, own, refused) = (self.writer, self.own.clone(), self.refused.clone());
        let is_doomed = self.dice.percent(60);
        if is_doomed {
            self.writer = self.shared.record.writer(true);
        }
        let worked = if self.dice.percent(30) {
            tx.scope(async |tx| self.work_in_savepoint(tx, is_doomed, How::ScopedOutside).await)
                .await
        } else {
            self.work_in_savepoint(tx, is_doomed, How::ItemScoped).await
        };
        self.writer = writer;
        if is_doomed {
            (self.own, self.refused) = (own, refused);
        }
        worked
    }

    async fn work_in_savepoint(
        &mut self,
        tx: &mut Tx<'_>,
        is_doomed: bool,
        how: How,
    ) -> Result<(), Error> {
        let mut savepoint = tx.savepoint().await?;
        self.change(&mut savepoint).await?;
        self.read_by(how, &mut savepoint).await?;
        self.read(&mut savepoint).await?;
        let fact = match is_doomed {
            false => {
                savepoint.commit().await?;
                Fact::SavepointReleased
            }
            true if self.dice.percent(50) => {
                savepoint.rollback().await?;
                Fact::SavepointRolledBack
            }
            true => {
                drop(savepoint);
                Fact::SavepointDropped
            }
        };
        self.shared.record.note(fact);
        Ok(())
    }
}

async fn see(how: How, tx: &mut Tx<'_>, id: i32) -> Result<Seen, Error> {
    match how {
        How::ItemWithin => one(item_within(tx, id).cache_entry().fetch().await),
        How::PageWithin => many(page_within(tx, shelf_of(id)).cache_entry().fetch().await),
        How::ScopedOutside => see_on(Rows::Connection(tx), how, id).await,
        _ => tx.scope(async |tx| see_on(Rows::Connection(tx), how, id).await).await,
    }
}

/// Calls a function in the scope around it.
async fn see_on(mut rows: Rows<'_>, how: How, id: i32) -> Result<Seen, Error> {
    match how {
        How::OwnedScoped => one(owned(rows, id).cache_entry().fetch().await),
        How::EachScoped => {
            let items = items(&mut rows, &[id, (id + 1) % (SHELVES * ROWS)]).await?;
            Ok((Origin::Unknown, items.into_values().collect()))
        }
        How::PageScoped => many(page(rows, shelf_of(id)).cache_entry().fetch().await),
        _ => one(item(rows, shelf_of(id), id).cache_entry().fetch().await),
    }
}
