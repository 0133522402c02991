//! The data behind functions of many keys: rows by id.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache_runtime::cached;

use crate::source::{Hold, Source};

/// Rows by id. Clones share them.
#[derive(Clone, Debug)]
pub struct Rows(Arc<State>);

#[derive(Debug)]
struct State {
    rows: Mutex<BTreeMap<u64, u64>>,
    bodies: Mutex<Vec<Vec<u64>>>,
    gate: Source,
}

impl Rows {
    /// Returns rows 1 to 9, with ten times their id in each.
    pub fn new() -> Self {
        let rows = (1..10).map(|id| (id, id * 10)).collect();
        let (rows, bodies) = (Mutex::new(rows), Mutex::default());
        Rows(Arc::new(State { rows, bodies, gate: Source::new(0) }))
    }

    /// Returns rows that there are.
    pub async fn read(&self, ids: &[u64]) -> HashMap<u64, u64> {
        locked(&self.0.bodies).push(ids.to_vec());
        let rows = locked(&self.0.rows).clone();
        let found = ids.iter().filter_map(|id| Some((*id, *rows.get(id)?))).collect();
        self.0.gate.read().await;
        found
    }

    /// Returns the ids of each read, and forgets them.
    pub fn bodies(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *locked(&self.0.bodies))
    }

    /// Returns how often each id has been read, and forgets it.
    pub fn reads(&self) -> BTreeMap<u64, usize> {
        let mut reads = BTreeMap::new();
        for id in self.bodies().into_iter().flatten() {
            *reads.entry(id).or_default() += 1;
        }
        reads
    }

    pub fn set(&self, id: u64, value: u64) {
        locked(&self.0.rows).insert(id, value);
    }

    pub fn remove(&self, id: u64) {
        locked(&self.0.rows).remove(&id);
    }

    /// Holds up the next read, after it has seen its rows.
    pub fn hold(&self) -> Hold {
        self.0.gate.hold()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One row; its entry is shared with [`rows`].
#[cached(ttl = "1m", key_prefix = "row", key = "{id}")]
pub async fn row(data: &Rows, id: u64) -> Result<Option<u64>, String> {
    Ok(data.read(&[id]).await.remove(&id))
}

/// Many rows, with the entries of [`row`].
#[cached(entry = row(data, id), each(id in ids))]
pub async fn rows(data: &Rows, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    Ok(data.read(ids).await)
}

/// Many rows on their own: absent ones are left out, and are not stored.
#[cached(ttl = "1m", key_prefix = "many", key = "{id}", each(id in ids))]
pub async fn many(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

/// Returns the rows of these ids as [`Rows::new`] has them.
pub fn tenfold(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, id * 10)).collect()
}
