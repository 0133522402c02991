//! Receivers of the calls that run inside of a future: of each call, its entry and the source of its output.
//!
//! A [`Collector`](current::Collector) belongs to a future, as a scope does: it is entered at each poll. Without one, no
//! call pays for it. A hit then reads none of this (R8).

mod bypass;
mod call;
pub(crate) mod current;
mod observation;
mod observe;
mod recording;
mod table;
pub(crate) mod traced;

pub use bypass::BypassReason;
pub use call::ObservedCall;
pub(crate) use call::Subject;
pub use observation::Observation;
pub use observe::{observe, observe_blocking};
