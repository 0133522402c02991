//! The attributes in a crate that denies whatever can be denied, and has renamed the runtime.
//!
//! `tests/clean_2024.rs` is the same code in another edition.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![deny(unused_qualifications, unused_results, unused_lifetimes, let_underscore_drop)]
#![deny(trivial_casts, trivial_numeric_casts, single_use_lifetimes)]

pub mod bare;
pub mod blocking;
pub mod each;
pub mod every_option;
pub mod meddling;
pub mod shadowed;
pub mod transactions;

#[cfg(test)]
mod calls;
