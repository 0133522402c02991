//! The exit codes.

use std::fmt;
use std::io;
use std::process::ExitCode;

use cache_runtime::Error;

use crate::output::lines;

/// The end of a command that has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    /// The answer to the question of the command is no.
    No,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
        })
    }
}

/// The reason for which a command has failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Usage(String),
    /// Redis cannot be used, for this reason.
    Unavailable(String),
    /// The admin endpoints of a program cannot be used: their address and the reason.
    NoEndpoints(String),
    /// The feature without which this program was built.
    #[cfg_attr(
        all(feature = "postgres", feature = "sqlite"),
        allow(dead_code, reason = "it has all features")
    )]
    NoFeature(&'static str),
    /// The database of the outbox cannot be used, for this reason.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "no database")
    )]
    NoDatabase(String),
    /// The database has no outbox.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "no database")
    )]
    NoOutbox,
    /// The number of invalidations that Redis has not confirmed.
    Unconfirmed(usize),
    /// Redis became unavailable during a scan of all names.
    CutShort,
    Write(io::Error),
}

impl Failure {
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self {
            // The reader of the output has closed the pipe, which is not a failure.
            Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Failure::Usage(_) | Failure::NoFeature(_) => 2,
            Failure::Unavailable(_)
            | Failure::NoEndpoints(_)
            | Failure::NoDatabase(_)
            | Failure::NoOutbox
            | Failure::Unconfirmed(_)
            | Failure::CutShort => 3,
            Failure::Write(_) => 1,
        };
        eprintln!("cachectl: {}", lines(&self.to_string()));
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) => f.write_str(message),
            Failure::Unavailable(reason) => {
                write!(f, "Redis cannot be used: {reason}; run `cachectl doctor` for details")
            }
            Failure::NoEndpoints(reason) => {
                write!(f, "the admin endpoints cannot be used: {reason}")
            }
            Failure::NoFeature(feature) => write!(
                f,
                "this needs the feature `{feature}`: install this program with `cargo install --path cachectl \
                 --features {feature}`"
            ),
            Failure::NoDatabase(reason) => write!(f, "the database cannot be used: {reason}"),
            Failure::NoOutbox => f.write_str(
                "the database has no table `cache_outbox`, or it is in another schema: `cachectl outbox sql` prints \
                 the statements that make it",
            ),
            Failure::Unconfirmed(pending) => {
                write!(f, "Redis has not confirmed {pending} invalidations: run this again")
            }
            Failure::CutShort => f.write_str(
                "Redis became unavailable before all names had been looked at: the rest is not removed, and \
                 everything in the namespace has been made stale in its place",
            ),
            Failure::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::RedisRequired { url, source } => {
                let mut reason = url;
                let mut cause = Some(&*source as &dyn std::error::Error);
                while let Some(error) = cause {
                    reason.push_str(&format!(": {error}"));
                    cause = error.source();
                }
                Failure::Unavailable(reason)
            }
            error => Failure::Usage(format!("{error:#}")),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Write(error)
    }
}
