//! A small web service whose queries are cached: the program to copy from.
//!
//! | module | |
//! |---|---|
//! | [`videos`] | the cached queries, and the changes that invalidate them |
//! | [`analysis`] | a paid API, whose answers are kept for long |
//! | [`db`], [`seed`] | SQLite from async code; the tables and what is in them |
//! | [`transaction`] | a transaction whose invalidations follow its commit |
//! | [`routes`], [`problem`] | HTTP, and errors as JSON |
//! | [`service`] | all of it together with the admin endpoints and the probes, from start to shutdown |
//! | [`access`] | who may see and steer the cache |
//! | [`load`] | a load generator that measures |
//! | [`args`] | the command line |

pub mod access;
pub mod analysis;
pub mod args;
pub mod db;
pub mod load;
pub mod problem;
pub mod routes;
pub mod seed;
pub mod service;
pub mod transaction;
pub mod videos;
