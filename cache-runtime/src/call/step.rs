//! The result of looking for a value: a value, or the request to run the body.

use std::time::Duration;

use super::found::{FoundValue, Served};
use crate::flight::Leader;
use crate::tiers::background::BackgroundSlot;
use crate::tiers::examine::Vacancy;
use crate::tiers::key::CallKey;

/// The next step of a call that has looked for its value.
///
/// All but a found value is in a box: most calls find one, and each layer of the call moves the step.
pub(crate) enum Step {
    Done(Served),
    /// This caller runs the body.
    Load(Box<Loading>),
    /// A task of its own runs the body.
    BackgroundRefresh(Box<BackgroundRefresh>),
    /// A task of its own compares the value that is served with that of the source.
    Verify(Box<Verifying>),
}

/// A value that is served, and compared with that of the source.
pub(crate) struct Verifying {
    pub(super) slot: BackgroundSlot,
    pub(super) served: Served,
}

/// A load that this caller leads.
pub(crate) struct Loading {
    pub(super) leader: Leader<CallKey>,
    pub(super) destination: Destination,
    /// The value that is served if the load fails.
    pub(super) instead: Option<FoundValue>,
}

/// The destination of a loaded value.
pub(super) enum Destination {
    /// To the caller alone: the body of this key is making the call.
    Caller,
    Memory,
    /// To Redis, over the entry that was found there.
    Redis(Vacancy),
    /// To memory, since Redis is unavailable.
    Outage,
    /// Nowhere: the stored value was loaded for other arguments of the same key.
    Nowhere,
    /// In place of this value, which others are served meanwhile.
    Place(FoundValue),
}

/// A load that runs in a task of its own.
pub(crate) struct BackgroundRefresh {
    pub(super) refresh: Leader<CallKey>,
    pub(super) slot: BackgroundSlot,
    /// The value that is served meanwhile.
    pub(super) found: FoundValue,
    /// The flight that waits for the load, if it does.
    pub(super) ahead: Option<Ahead>,
}

/// A flight that waits for a load in a task of its own.
pub(crate) struct Ahead {
    pub(super) leader: Leader<CallKey>,
    /// The longest time for which it waits.
    pub(super) limit: Duration,
    /// The destination of a value that this caller loads itself.
    pub(super) destination: Destination,
}
