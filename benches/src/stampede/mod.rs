//! Many callers at once of something that is not there.

mod functions;
mod source;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use source::loads;

/// A cached function, or one that is not.
#[derive(Clone, Copy, Debug)]
pub struct Loader {
    /// The name in a table.
    pub name: &'static str,
    /// `true` if it loads one key after the other, regardless of the callers.
    pub one_by_one: bool,
    /// The call.
    pub call: fn(u64) -> Call,
}

/// A call of a cached function.
pub type Call = Pin<Box<dyn Future<Output = u64> + Send>>;

/// The number of entries that each of them has space for.
const ROOM: usize = 100_000;

const TTL: Duration = Duration::from_secs(300);

/// All of them.
pub const LOADERS: [Loader; 9] = [
    loader("no cache", |key| Box::pin(functions::no_cache(key))),
    loader("cache-runtime", |key| Box::pin(functions::ours(key))),
    loader("quick_cache", |key| Box::pin(functions::quick_cache(key))),
    loader("moka", |key| Box::pin(functions::moka(key))),
    loader("cached", |key| Box::pin(functions::concurrent(key))),
    loader("cached, sync_writes by key", |key| Box::pin(functions::locks_by_key(key))),
    Loader {
        one_by_one: true,
        ..loader("cached, sync_writes", |key| Box::pin(functions::one_lock(key)))
    },
    loader("hitbox", |key| Box::pin(functions::hitbox(key))),
    loader("multi-tier-cache", |key| Box::pin(functions::multi_tier(key))),
];

const fn loader(name: &'static str, call: fn(u64) -> Call) -> Loader {
    Loader { name, one_by_one: false, call }
}
