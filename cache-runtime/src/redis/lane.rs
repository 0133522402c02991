//! Which way a question goes.

/// Which of the connections to a server is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For small things, which should not wait behind large ones.
    Quick,
    /// For large values and long work.
    Bulk,
}
