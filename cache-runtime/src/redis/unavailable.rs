//! Why Redis does not answer.

/// Redis cannot be used just now, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// Why a question that may have a large answer was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Not in time, and the server is there: it takes longer than it may.
    Late,
    Unavailable,
}

impl From<Unavailable> for Missed {
    fn from(Unavailable: Unavailable) -> Self {
        Missed::Unavailable
    }
}

impl From<Missed> for Unavailable {
    fn from(_: Missed) -> Self {
        Unavailable
    }
}
