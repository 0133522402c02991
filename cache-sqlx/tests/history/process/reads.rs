//! Reads outside of transactions.

use cache_runtime::{CacheCall as _, Error as CacheError, Fetched, Source};
use cache_tests::Dice;
use cache_tests::history::{Origin, Span, now_us};
use sqlx::Error;

use super::functions::{attempt, item, items, made, owned, page};
use super::record::lag;
use super::rows::Rows;
use super::work::Shared;
use crate::event::{Event, Fact, How, Read};
use crate::item::{Item, ROWS, SHELVES, shelf_of};

/// The rows that were seen, and where they came from.
pub type Seen = (Origin, Vec<Item>);

pub async fn read(shared: &Shared, dice: &mut Dice) -> Result<(), Error> {
    let how = [
        How::Item,
        How::Item,
        How::Owned,
        How::Owned,
        How::Each,
        How::Page,
        How::Made,
        How::Attempt,
    ];
    let (how, id) = (*dice.pick(&how), any_row(dice));
    let (begin, lag) = (now_us(), lag());
    let (origin, items) = see(shared, how, id, dice).await?;
    let span = Span { begin, end: now_us() };
    for seen in items {
        let read = Read { how, span, origin, from: begin, lag, seen, own: None };
        shared.record.write(&Event::Read(read));
    }
    Ok(())
}

/// Calls a function as [`read`] does.
pub async fn see(shared: &Shared, how: How, id: i32, dice: &mut Dice) -> Result<Seen, Error> {
    let (pool, mut rows) = (&shared.pool, Rows::Pool(&shared.pool));
    match how {
        How::Item => one(item(rows, shelf_of(id), id).cache_entry().fetch().await),
        How::Owned => one(owned(rows, id).cache_entry().fetch().await),
        How::Each => {
            let ids: Vec<i32> = (0..dice.within(1..4)).map(|_| any_row(dice)).collect();
            Ok((Origin::Unknown, items(&mut rows, &ids).await?.into_values().collect()))
        }
        How::Page => many(page(rows, shelf_of(id)).cache_entry().fetch().await),
        How::Made => one(made(rows, None, id).cache_entry().fetch().await),
        _ => one(attempt(pool, None, id).cache_entry().fetch().await),
    }
}

/// Calls the function that changes a row and rolls back.
pub async fn try_change(shared: &Shared, dice: &mut Dice) -> Result<(), Error> {
    let (id, writer) = (any_row(dice), shared.record.writer(true));
    let (begin, lag) = (now_us(), lag());
    let (origin, items) = one(attempt(&shared.pool, Some(writer), id).cache_entry().fetch().await)?;
    let span = Span { begin, end: now_us() };
    for seen in items {
        if seen.writer == writer {
            shared.record.note(Fact::AttemptRolledBack);
            continue;
        }
        let how = How::Attempt;
        let read = Read { how, span, origin, from: begin, lag, seen, own: None };
        shared.record.write(&Event::Read(read));
    }
    Ok(())
}

/// Returns a row. The first ones of a shelf are requested more often than the others.
pub fn any_row(dice: &mut Dice) -> i32 {
    let rows = ROWS as u64;
    let (shelf, row) = (dice.below(SHELVES as u64), dice.below(rows).min(dice.below(rows)));
    i32::try_from(shelf * rows + row).unwrap_or(0)
}

pub fn one(fetched: Result<Fetched<Result<Item, Error>>, CacheError>) -> Result<Seen, Error> {
    let fetched = fetched.map_err(|error| Error::Protocol(error.to_string()))?;
    Ok((origin(fetched.source), vec![fetched.value?]))
}

pub fn many(fetched: Result<Fetched<Result<Vec<Item>, Error>>, CacheError>) -> Result<Seen, Error> {
    let fetched = fetched.map_err(|error| Error::Protocol(error.to_string()))?;
    Ok((origin(fetched.source), fetched.value?))
}

fn origin(source: Source) -> Origin {
    match source {
        Source::Memory => Origin::Memory,
        Source::Redis => Origin::Redis,
        Source::Load => Origin::Load,
        Source::Shared => Origin::Shared,
        _ => Origin::Unknown,
    }
}
