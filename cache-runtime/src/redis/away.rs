//! Why Redis does not answer.

/// Redis cannot be used just now, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away;

/// Why a question that may have a large answer was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Not in time, and the server is there: it takes longer than it may.
    Late,
    Away,
}

impl From<Away> for Missed {
    fn from(Away: Away) -> Self {
        Missed::Away
    }
}

impl From<Missed> for Away {
    fn from(_: Missed) -> Self {
        Away
    }
}
