//! Every method of `CacheManager`, on every store.

mod invalidation;
mod loading;
mod many;
mod refusals;
mod scan;
mod state;
mod values;
