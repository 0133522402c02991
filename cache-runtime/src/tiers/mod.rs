//! The values of one cache in memory and in Redis: reading, storing and invalidating them.
//!
//! This is the only module that depends on both stores. [`Core`](core::Core) is the state that all parts of a
//! cache share; each file here adds one operation on it.

pub(crate) mod background;
mod beside;
mod clear;
pub(crate) mod copies;
pub(crate) mod core;
pub(crate) mod dependencies;
pub(crate) mod examine;
pub(crate) mod filling;
mod in_memory;
pub(crate) mod inherited;
pub(crate) mod inspect;
pub(crate) mod invalidate;
pub(crate) mod key;
pub(crate) mod late_put;
pub(crate) mod means;
pub(crate) mod old_value;
pub(crate) mod origin;
pub(crate) mod pauses;
pub(crate) mod policy;
pub(crate) mod put;
mod read_many;
pub(crate) mod reading;
pub(crate) mod recent_errors;
pub(crate) mod settling;
pub(crate) mod shared_names;
mod sizing;
mod softened;
pub(crate) mod store_outcome;
mod unfit;
pub(crate) mod validity;
