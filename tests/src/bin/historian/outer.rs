//! The functions whose values inherit from those of other cached functions, and contain their data.

use std::collections::HashMap;

use cache_runtime::cached;
use cache_tests::history::Datum;

use crate::data::{Failed, dawdle, failing, owned, plain, refreshed, shared};
use crate::many::own;

/// The data of some keys of one row.
pub type Parts = Vec<Datum>;

/// The functions of one key.
#[derive(Clone, Copy, Debug)]
pub enum Outer {
    Pair,
    Tower,
}

#[cached(ttl = "1m", key_prefix = "pair", key = "{row}", inherit)]
pub async fn pair(row: u8) -> Result<Parts, Failed> {
    let first = plain(row).await?;
    dawdle().await;
    Ok(vec![first, owned(row).await?])
}

/// It has two levels below it, and depends on errors and absent values, too.
#[cached(
    ttl = "1s",
    key_prefix = "tower",
    key = "{row}",
    inherit,
    stale_while_revalidate = "20s",
    coalesce = "fleet"
)]
pub async fn tower(row: u8) -> Result<Parts, Failed> {
    let mut parts = pair(row).await?;
    parts.push(refreshed(row).await?);
    parts.extend(failing(row).await.ok());
    dawdle().await;
    parts.extend(own(&[row]).await?.into_values());
    Ok(parts)
}

/// Each value depends on everything that the body has read.
#[cached(ttl = "1m", key_prefix = "wall", key = "{row}", each(row in rows), inherit)]
pub async fn walls(rows: &[u8]) -> Result<HashMap<u8, Parts>, Failed> {
    let mut walls = HashMap::new();
    for row in rows {
        let mut parts = pair(*row).await?;
        parts.push(shared(*row).await?);
        walls.insert(*row, parts);
    }
    dawdle().await;
    Ok(walls)
}

/// Does something with the call of a function for a row.
macro_rules! with_outer {
    ($outer:expr, $row:expr, $call:ident => $action:expr) => {
        match $outer {
            $crate::outer::Outer::Pair => {
                let $call = $crate::outer::pair($row);
                $action
            }
            $crate::outer::Outer::Tower => {
                let $call = $crate::outer::tower($row);
                $action
            }
        }
    };
}
pub(crate) use with_outer;

pub async fn call(outer: Outer, row: u8) -> Result<Parts, Failed> {
    with_outer!(outer, row, call => call.await)
}
