//! The documents of the repository agree with its code: rules that are cited, links that lead somewhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod files;
mod guide;
mod links;
mod results;
mod rules;
