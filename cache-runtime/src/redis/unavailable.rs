//! The reason for which Redis is not used.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;

/// The reason for which Redis is not used, or gave no usable reply.
#[derive(Debug, Clone)]
pub(crate) enum Unavailable {
    /// There is no tokio runtime with timers.
    NoRuntime,
    /// The manager was disconnected.
    Disconnected,
    /// The first attempt to connect is not finished.
    NotConnected,
    /// The connection was lost, or the last attempt to connect failed.
    Down(Arc<StoreError>),
    /// An operation failed, and the server has not answered a probe since.
    Suspect(Arc<StoreError>),
    /// This operation failed.
    Failed(Arc<StoreError>),
    /// Too many operations are in progress (`REDIS_POOL_TIMEOUT`).
    Crowded(Duration),
    /// Invalidations of the key are not confirmed.
    Unconfirmed,
    /// The server lacks a command that this operation needs.
    LacksScan,
    /// A node with keys has left the cluster.
    NodeGone,
}

impl Unavailable {
    pub(super) fn failed(error: StoreError) -> Self {
        Unavailable::Failed(Arc::new(error))
    }

    /// Makes the reason for a reply that is not the expected one.
    pub(crate) fn unexpected(expected: &'static str) -> Self {
        Unavailable::failed(StoreError::Unexpected { expected, cause: None })
    }

    /// Returns the refusal of this operation by the server, if that is the reason.
    pub(super) fn refusal(&self) -> Option<&StoreError> {
        match self {
            Unavailable::Failed(error) if error.is_refusal() => Some(error),
            _ => None,
        }
    }
}

impl Error for Unavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The text of the cause and its source are those of the error.
            Unavailable::Down(error) | Unavailable::Failed(error) => error.source(),
            Unavailable::Suspect(error) => Some(&**error),
            _ => None,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unavailable::Down(error) | Unavailable::Failed(error) => return error.fmt(f),
            Unavailable::Crowded(timeout) => {
                return write!(f, "no operation ended within {timeout:?} (REDIS_POOL_TIMEOUT)");
            }
            Unavailable::NoRuntime => "no tokio runtime",
            Unavailable::Disconnected => "disconnected",
            Unavailable::NotConnected => "not yet connected",
            Unavailable::Suspect(_) => "the last operation failed",
            Unavailable::Unconfirmed => "invalidations are not yet confirmed",
            Unavailable::LacksScan => "the server lacks a command that lists names",
            Unavailable::NodeGone => "a node has left the cluster",
        })
    }
}

/// The reason for which a request with a possibly large answer failed.
#[derive(Debug, Clone)]
pub(crate) enum Missed {
    /// The reply did not come in time, although the server answers pings.
    Late(Duration),
    Unavailable(Unavailable),
}

impl From<Unavailable> for Missed {
    fn from(unavailable: Unavailable) -> Self {
        Missed::Unavailable(unavailable)
    }
}

impl From<Missed> for Unavailable {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Late(deadline) => Unavailable::failed(StoreError::Timeout(
                super::error::Deadline::Operation,
                deadline,
            )),
            Missed::Unavailable(unavailable) => unavailable,
        }
    }
}
