//! The strict crate of `clean/` once more, in the edition of this workspace.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![deny(unused_qualifications, unused_results, unused_lifetimes, let_underscore_drop)]
#![deny(trivial_casts, trivial_numeric_casts, single_use_lifetimes)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

extern crate cache_runtime as memo;

#[path = "clean/src/bare.rs"]
mod bare;
#[path = "clean/src/blocking.rs"]
mod blocking;
#[path = "clean/src/calls.rs"]
mod calls;
#[path = "clean/src/each.rs"]
mod each;
#[path = "clean/src/every_option.rs"]
mod every_option;
#[path = "clean/src/meddling.rs"]
mod meddling;
#[path = "clean/src/shadowed.rs"]
mod shadowed;
#[path = "clean/src/transactions.rs"]
mod transactions;
