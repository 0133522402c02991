//! The rows that wait, in words.

use std::fmt::{self, Display};
use std::time::Duration;

use cache_runtime::OutboxLag;
use cache_syntax::format_duration;

/// The rows in an outbox, for people.
pub(crate) struct Lag<'a>(pub(crate) &'a OutboxLag);

impl Lag<'_> {
    /// Says how much waits.
    pub(crate) fn waiting(&self) -> String {
        let rows = match self.0.rows {
            0 => return "no invalidation waits".to_owned(),
            1 => "1 invalidation waits".to_owned(),
            rows => format!("{rows} invalidations wait"),
        };
        let seconds = Duration::from_secs(self.0.oldest.unwrap_or_default().as_secs());
        format!("{rows}, the oldest for {}", format_duration(seconds))
    }

    /// Says how many rows cannot be applied.
    pub(crate) fn poison(&self) -> String {
        match self.0.poisoned {
            0 => "no row is poisoned".to_owned(),
            1 => "1 row is poisoned".to_owned(),
            rows => format!("{rows} rows are poisoned"),
        }
    }
}

impl Display for Lag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.waiting(), self.poison())
    }
}
