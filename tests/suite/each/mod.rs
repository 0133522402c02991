//! Functions of many keys.

mod answers;
pub mod data;
mod direct;
mod edges;
mod fleet;
mod invalidation;
mod mishaps;
mod put;
mod requests;
mod sharing;
mod stale;
mod statistics;
