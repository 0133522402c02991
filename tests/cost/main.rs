//! Limits of a memory hit: no allocation and no system call. The benchmarks measure its duration.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod allocations;
mod hits;
#[cfg(target_os = "linux")]
mod system_calls;
