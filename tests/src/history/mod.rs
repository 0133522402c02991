//! Code that the processes of a history share with the test that drives them.
//!
//! A history is a record of everything that some processes did with one cache for a while: what
//! they read, which version of it they saw, what they changed and invalidated. Whether each read
//! was allowed to see what it saw can be told afterwards, from the record alone.

mod clock;
mod database;
mod event;
mod key;

pub use clock::now_us;
pub use database::{Database, DatabaseClient, Versions};
pub use event::{Change, Event, Failure, How, Origin, Read, Span, Watch};
pub use key::{
    Datum, GROUPS, KEYS, Key, NEXT_VERSION, OWNED, OWNERS, ROWS, SINGLE_GROUPS, Scope, owner_tag,
};
