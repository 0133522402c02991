//! From rows to invalidations.

use cache_runtime::{CacheManager, PendingInvalidations, deferred};

use crate::rows::{Kind, Row};

/// The invalidations of rows, and the rows that are none.
pub(super) struct Applicable {
    pub(super) pending: PendingInvalidations,
    pub(super) ids: Vec<i64>,
    /// The rows that cannot be applied, with the reason.
    pub(super) poisoned: Vec<(i64, String)>,
}

impl Applicable {
    /// Checks rows. Nothing is invalidated yet.
    pub(super) async fn of(rows: &[Row], manager: &CacheManager) -> Self {
        let (mut ids, mut poisoned) = (Vec::with_capacity(rows.len()), Vec::new());
        let adding = async {
            for row in rows {
                match invalidate(row, manager).await {
                    Ok(()) => ids.push(row.id),
                    Err(reason) => poisoned.push((row.id, reason)),
                }
            }
        };
        let ((), pending) = deferred(adding).await;
        Applicable { pending, ids, poisoned }
    }
}

async fn invalidate(row: &Row, manager: &CacheManager) -> Result<(), String> {
    let target = row.target.as_str();
    let done = match row.kind {
        Some(Kind::Name) => manager.delete(target).await.map(drop),
        Some(Kind::Prefix) => manager.invalidate_prefix(target).await,
        Some(Kind::Tag) => manager.invalidate_tag(target).await,
        Some(Kind::Pattern) => manager.clear(target).await.map(drop),
        Some(Kind::Everything) => manager.clear("*").await.map(drop),
        None => return Err("this version does not know the kind of the row".to_owned()),
    };
    done.map_err(|error| error.to_string())
}
