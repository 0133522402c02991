//! One row.

use cache_runtime::{InvalidationTarget, PendingInvalidation};

use super::kind::Kind;

/// A row that a transaction writes.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) kind: Kind,
    pub(crate) target: &'a str,
}

impl<'a> NewRow<'a> {
    pub(crate) fn new(pending: &PendingInvalidation<'a>) -> Self {
        let (kind, target) = match pending.target {
            InvalidationTarget::Name(name) => (Kind::Name, name),
            InvalidationTarget::Tag(tag) => (Kind::Tag, tag),
            InvalidationTarget::Pattern(pattern) => (Kind::Pattern, pattern),
            // A kind that this version does not know is a part of everything.
            _ => (Kind::Everything, ""),
        };
        NewRow { namespace: pending.namespace, kind, target }
    }
}

/// A row that a relay reads.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) id: i64,
    /// `None` for one that this version does not know.
    pub(crate) kind: Option<Kind>,
    pub(crate) target: String,
}
