//! Errors of the cache's own, in the form of those of the client.

use std::time::Duration;

use redis::{ErrorKind, RedisError};

pub(super) fn no_answer(after: Duration) -> RedisError {
    RedisError::from(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        format!("no answer within {after:?}"),
    ))
}

/// Whether the server has said something, be it that it does not do what it was asked for.
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

pub(super) fn another() -> RedisError {
    refused("it is a different server than before")
}

pub(super) fn refused(message: impl Into<String>) -> RedisError {
    RedisError::from((ErrorKind::Client, "this server cannot be used", message.into()))
}
