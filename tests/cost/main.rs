//! What a memory hit may cost: no allocation and no system call. How long it takes is for the
//! benchmarks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod allocations;
mod hits;
#[cfg(target_os = "linux")]
mod system_calls;
