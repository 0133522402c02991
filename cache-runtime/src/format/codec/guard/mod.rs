//! Bounds on what bytes can make a decoder do.
//!
//! A positional format believes what it reads: a length of 2^64 elements that take no bytes each
//! (`Vec<()>`) keeps it spinning for centuries, a length of 4 GiB allocates 4 GiB before the first
//! byte is missed, and a recursive type recurses until the stack ends. The guard stands between the
//! format and the type and keeps count.

mod deserializer;
mod limits;

pub(super) use deserializer::Guarded;
pub(super) use limits::Limits;
