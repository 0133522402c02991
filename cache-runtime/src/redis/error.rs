//! The error of the Redis store, and the decisions that depend on it.
//!
//! A failure gets its type where a reply or an error of the client arrives ([`StoreError::from`]). Later
//! decisions do not read its text. Each decision is a method, and one table of real replies tests them.

mod reply;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, FromRedisValue, RedisError, Value};

pub(super) use reply::{Denied, ErrorReply, ReplyKind, ServerState};

/// The result of an operation on Redis.
pub(super) type StoreResult<T> = Result<T, StoreError>;

/// A failure of a connection to Redis, of an operation, or of a server that cannot be used.
///
/// `Display` leaves the cause to [`source`](Error::source); `with_causes` gives both.
#[derive(Clone, Debug)]
pub(crate) enum StoreError {
    /// The server replied with an error.
    Reply(ErrorReply),
    /// The server refused user and password.
    Login(RedisError),
    /// The connection could not be made, or ended.
    Connection(RedisError),
    /// The cache found that a connection no longer exists.
    Lost(Lost),
    /// There was no reply in time.
    Timeout(Deadline, Duration),
    /// The reply does not have the form that its command should have.
    Unexpected { expected: &'static str, cause: Option<RedisError> },
    /// The cache cannot use the server.
    Unusable(Unusable),
    /// One side refused the certificate of the other.
    Certificate { advice: String, cause: Arc<StoreError> },
}

/// The limit that a reply exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// `REDIS_CONNECT_TIMEOUT`, or a share of it.
    Connect,
    /// `REDIS_TIMEOUT`, or a multiple of it.
    Operation,
    /// The limit of a task of the cache, which is not configured.
    Fixed,
}

/// A connection that is gone, found by the cache itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The link has no connection any more.
    Link,
    /// The node has no connection.
    Node,
    /// The connection of the feed ended, or the feed lacks a master.
    Feed,
    /// The connection was closed, and the runtime that could make another has ended.
    RuntimeEnded,
    /// The runtime has no I/O.
    RuntimeWithoutIo,
}

/// A server that the cache cannot use.
#[derive(Clone, Debug)]
pub(crate) enum Unusable {
    /// Another run, or another server, answers at the address.
    AnotherServer,
    /// The server is older than the oldest one that is supported.
    TooOld { version: String },
    /// A right or a command is missing that all operations need.
    Lacks { server: String, lacks: String },
    /// Several addresses are configured, and this server is not part of a cluster.
    NoCluster { server: String },
    /// The server is part of a cluster, and this build does not support clusters.
    WithoutClusterFeature,
    /// No master has some slots of the cluster.
    SlotGap,
    /// The cluster has no masters.
    NoMasters,
    /// A redirection names a node that is not known.
    UnknownNode { place: String },
    /// An address has no host, because it is the path of a socket.
    NoHost,
    /// The sentinel does not know the master.
    UnknownMaster { master: String },
    /// The sentinel names a replica.
    Replica { server: String },
    /// No sentinel leads to a master: each one with the reason.
    NoSentinel(Vec<(String, StoreError)>),
}

/// Returns the failure with the most consequences among the outcomes of requests that were sent together.
pub(super) fn worst<T>(outcomes: &[StoreResult<T>]) -> Option<&StoreError> {
    let failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    failures.max_by_key(|error| error.takes_out_of_use())
}

/// Returns the outcomes of requests that were sent together.
///
/// # Errors
/// The worst failure, if none of the requests succeeded.
pub(super) fn unless_all_failed<T>(
    outcomes: Vec<StoreResult<T>>,
) -> StoreResult<Vec<StoreResult<T>>> {
    match worst(&outcomes) {
        Some(error) if outcomes.iter().all(Result::is_err) => Err(error.clone()),
        _ => Ok(outcomes),
    }
}

impl StoreError {
    /// Converts a reply to the type that its command has.
    pub(super) fn read<T: FromRedisValue>(reply: Value) -> StoreResult<T> {
        redis::from_redis_value(reply).map_err(|error| StoreError::Unexpected {
            expected: std::any::type_name::<T>(),
            cause: Some(error.into()),
        })
    }

    /// Returns true if the link must not be used before the server has answered a probe. This holds for
    /// failures of the connection, and for a server that refuses all commands or all writes: without
    /// writes, no load can be validated. Other replies leave the link in use.
    pub(super) fn takes_out_of_use(&self) -> bool {
        match self {
            StoreError::Reply(reply) => reply.kind.takes_out_of_use(),
            StoreError::Unexpected { .. } => false,
            _ => true,
        }
    }

    /// Returns true if the server understood the command, and this user, or every user, may not run it.
    pub(super) fn is_refusal(&self) -> bool {
        self.is_kind(|kind| {
            let denied = matches!(kind, ReplyKind::Denied(_) | ReplyKind::DeniedInScript);
            denied || *kind == ReplyKind::UnknownCommand
        })
    }

    /// Returns true if the server replied, although with an error.
    pub(super) fn is_reply(&self) -> bool {
        self.is_kind(|kind| *kind != ReplyKind::NoResp3)
    }

    /// Returns true if invalidations cannot be received from this server.
    pub(super) fn rules_out_feed(&self) -> bool {
        self.is_kind(|_| true)
    }

    pub(super) fn is_unknown_command(&self) -> bool {
        self.is_kind(|kind| *kind == ReplyKind::UnknownCommand)
    }

    /// Returns true if the server has lost the script.
    pub(super) fn is_no_script(&self) -> bool {
        self.is_kind(|kind| *kind == ReplyKind::NoScript)
    }

    /// Returns true if the key holds a value of another type. Such a key is not the cache's.
    pub(super) fn is_wrong_type(&self) -> bool {
        self.is_kind(|kind| *kind == ReplyKind::WrongType)
    }

    /// Returns true if some keys of a command are on another node while their slot is moving. The keys can
    /// then be requested one by one.
    pub(super) fn is_half_moved(&self) -> bool {
        self.is_kind(|kind| *kind == ReplyKind::TryAgain)
    }

    /// Returns true if the connection was closed, so that another one may do.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            StoreError::Connection(error) => error.is_connection_dropped(),
            StoreError::Lost(_) => true,
            _ => false,
        }
    }

    /// Returns true if a password is missing.
    pub(super) fn requires_password(&self) -> bool {
        self.is_kind(|kind| *kind == ReplyKind::NoPassword)
    }

    pub(super) fn is_timeout(&self) -> bool {
        match self {
            StoreError::Timeout(..) => true,
            StoreError::Connection(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Returns true if no process listens at the address.
    pub(super) fn is_connection_refused(&self) -> bool {
        matches!(self, StoreError::Connection(error) if error.is_connection_refusal())
    }

    /// Returns the error of TLS that caused this one, if there is one.
    #[cfg(feature = "tls")]
    pub(super) fn of_tls(&self) -> Option<&rustls::Error> {
        match self {
            StoreError::Connection(error) => match unwrapped(error).downcast_ref() {
                Some(error) => tls_error_in(error),
                None => None,
            },
            StoreError::Unusable(Unusable::NoSentinel(reasons)) => {
                reasons.iter().find_map(|(_, reason)| reason.of_tls())
            }
            _ => None,
        }
    }

    /// Returns the kind of the reply, if there is one.
    pub(super) fn reply(&self) -> Option<&ReplyKind> {
        match self {
            StoreError::Reply(reply) => Some(&reply.kind),
            _ => None,
        }
    }

    /// Returns the node that has the key. The second value is true if the command needs `ASKING` there.
    pub(super) fn redirection(&self) -> Option<(&str, bool)> {
        match self {
            StoreError::Reply(reply) => {
                let (place, _) = reply.error.redirect_node()?;
                Some((place, reply.kind == ReplyKind::Ask))
            }
            _ => None,
        }
    }

    fn is_kind(&self, is_it: impl FnOnce(&ReplyKind) -> bool) -> bool {
        self.reply().is_some_and(is_it)
    }
}

impl From<RedisError> for StoreError {
    /// Converts an error of the client. This is the only place that does so.
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::RESP3NotSupported => {
                StoreError::Reply(ErrorReply::new(error))
            }
            ErrorKind::AuthenticationFailed => StoreError::Login(error),
            ErrorKind::UnexpectedReturnType => {
                StoreError::Unexpected { expected: "another type", cause: Some(error) }
            }
            _ => StoreError::Connection(error),
        }
    }
}

impl From<Unusable> for StoreError {
    fn from(unusable: Unusable) -> Self {
        StoreError::Unusable(unusable)
    }
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        StoreError::Lost(lost)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Reply(ErrorReply { error, .. })
            | StoreError::Login(error)
            | StoreError::Connection(error)
            | StoreError::Unexpected { cause: Some(error), .. } => Some(unwrapped(error)),
            StoreError::Certificate { cause, .. } => Some(&**cause),
            StoreError::Lost(_)
            | StoreError::Timeout(..)
            | StoreError::Unexpected { cause: None, .. }
            | StoreError::Unusable(_) => None,
        }
    }
}

/// Returns the error inside the client's error, if both have the same text: an [`io::Error`](std::io::Error),
/// a [`ServerError`](redis::ServerError) or a [`ParsingError`](redis::ParsingError). A chain of causes then
/// names nothing twice.
fn unwrapped(error: &RedisError) -> &(dyn Error + 'static) {
    let Some(inner) = error.source() else { return error };
    match inner.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(shared) => &**shared,
        None => inner,
    }
}

#[cfg(feature = "tls")]
fn tls_error_in(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Reply(reply) => reply.kind.fmt(f),
            StoreError::Login(_) => f.write_str("the server refuses user and password"),
            StoreError::Connection(error) if error.is_connection_refusal() => {
                f.write_str("no server listens at the address")
            }
            StoreError::Connection(_) => f.write_str("the connection failed"),
            StoreError::Lost(lost) => lost.fmt(f),
            StoreError::Timeout(deadline, after) => {
                write!(f, "no answer within {after:?}{}", deadline.setting())
            }
            StoreError::Unexpected { expected, .. } => {
                write!(f, "the reply cannot be read; expected {expected}")
            }
            StoreError::Unusable(unusable) => write!(f, "this server cannot be used: {unusable}"),
            StoreError::Certificate { advice, .. } => f.write_str(advice),
        }
    }
}

impl Deadline {
    /// Names the setting, in parentheses.
    fn setting(self) -> &'static str {
        match self {
            Deadline::Connect => " (REDIS_CONNECT_TIMEOUT)",
            Deadline::Operation => " (REDIS_TIMEOUT)",
            Deadline::Fixed => "",
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lost::Link => "the connection was lost",
            Lost::Node => "there is no connection to the server",
            Lost::Feed => "the connection of the feed was lost",
            Lost::RuntimeEnded => "the connection was closed, and its tokio runtime has ended",
            Lost::RuntimeWithoutIo => {
                "this tokio runtime cannot connect: enable I/O (`Builder::enable_all`)"
            }
        })
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::AnotherServer => f.write_str("it is a different server than before"),
            Unusable::TooOld { version } => {
                write!(f, "Redis 7.0 or Valkey 7.2 is the minimum; this server is {version}")
            }
            Unusable::Lacks { server, lacks } => write!(f, "{server}: {lacks}"),
            Unusable::NoCluster { server } => {
                write!(f, "several addresses need a cluster, and {server} is not a node of one")
            }
            Unusable::WithoutClusterFeature => {
                f.write_str("it is a cluster node: enable the feature `cluster`")
            }
            Unusable::SlotGap => f.write_str("some slots of its cluster have no master"),
            Unusable::NoMasters => f.write_str("its cluster has no masters"),
            Unusable::UnknownNode { place } => {
                write!(f, "it redirects to {place}, which is not a known node of the cluster")
            }
            Unusable::NoHost => {
                f.write_str("it was reached by a socket's path, and others have hosts")
            }
            Unusable::UnknownMaster { master } => {
                write!(f, "it does not know a master `{master}`")
            }
            Unusable::Replica { server } => {
                write!(f, "it names {server}, which is a replica")
            }
            Unusable::NoSentinel(reasons) => {
                f.write_str("no sentinel names a usable master")?;
                let mut separator = " (";
                for (sentinel, reason) in reasons {
                    write!(f, "{separator}{sentinel}: {}", crate::error::with_causes(reason))?;
                    separator = "; ";
                }
                f.write_str(if reasons.is_empty() { "" } else { ")" })
            }
        }
    }
}
