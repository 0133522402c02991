//! The behaviour suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod late_fill;
mod source;
mod stores;
mod video;
