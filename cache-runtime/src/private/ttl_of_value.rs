//! The TTLs that the closure of `ttl` returns.

use crate::config::Ttl;

/// A TTL: a `Duration` or a [`Ttl`].
#[diagnostic::on_unimplemented(
    message = "the closure of `ttl` returns a `Duration` or a `Ttl`, and `{Self}` is neither",
    label = "not a TTL",
    note = "a number of seconds is `Duration::from_secs(..)`, and `Ttl::Forever` has no end"
)]
pub trait AsTtl: Into<Ttl> {}

#[diagnostic::do_not_recommend]
impl<T: Into<Ttl>> AsTtl for T {}

/// Returns the TTL.
pub fn ttl_of_value<T: AsTtl>(ttl: impl FnOnce() -> T) -> Ttl {
    ttl().into()
}
