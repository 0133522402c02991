//! The lanes of a server's connections.

/// The kind of a connection to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For small requests, which should not wait behind large ones.
    Quick,
    /// For large values and long work.
    Bulk,
}
