//! Limits the effect that bytes can have on a decoder.
//!
//! A positional format trusts its input. A length of 2^64 elements without bytes (`Vec<()>`) would keep it
//! busy for centuries. A length of 4 GiB would allocate 4 GiB before the first missing byte is noticed. A
//! recursive type would recurse until the stack overflows. The guard stands between the format and the type,
//! and counts.

mod deserializer;
mod limits;

pub(super) use deserializer::Guarded;
pub(super) use limits::Limits;
