//! The values in the memory benchmarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

/// The type of values that a cache is measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// `u64`.
    Number,
    /// A struct of three fields.
    Record,
    /// A large struct behind an `Arc`.
    Shared,
    /// 1 KiB in a `Vec<u8>`.
    Bytes,
}

/// A small struct.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    id: u64,
    language: String,
    score: f64,
}

/// A large struct.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Large {
    rows: Vec<Record>,
}

/// The return type of a measured function.
pub(super) trait Value: Clone + Send + Sync + 'static {
    /// The body of the measured functions.
    fn load(id: u64, text: &str) -> Self;
}

/// The number of runs of a body. Between fills it must not change, or the measured calls were not hits.
static LOADS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of runs of the body of a measured function, of any cache.
pub fn loads() -> usize {
    LOADS.load(Ordering::Relaxed)
}

pub(super) fn load<V: Value>(id: u64, text: &str) -> V {
    LOADS.fetch_add(1, Ordering::Relaxed);
    V::load(id, text)
}

impl Value for u64 {
    fn load(id: u64, text: &str) -> Self {
        id.wrapping_mul(31) ^ text.len() as u64
    }
}

impl Value for Record {
    fn load(id: u64, text: &str) -> Self {
        Record { id, language: text.to_owned(), score: 0.5 }
    }
}

impl Value for Arc<Large> {
    fn load(id: u64, text: &str) -> Self {
        Arc::new(Large { rows: (id..id + 32).map(|id| Record::load(id, text)).collect() })
    }
}

impl Value for Vec<u8> {
    fn load(id: u64, text: &str) -> Self {
        vec![id as u8 ^ text.len() as u8; 1024]
    }
}
