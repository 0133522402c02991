//! The kinds of error replies. The texts of a server are read in this file only.

use std::fmt;

use redis::{ErrorKind, RedisError};

/// An error reply, with its kind.
#[derive(Clone, Debug)]
pub(crate) struct ErrorReply {
    pub(in crate::redis) kind: ReplyKind,
    pub(super) error: RedisError,
}

/// The kind of an error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplyKind {
    /// The user may not do this (`NOPERM`).
    Denied(Denied),
    /// The user may not run a command that a script runs.
    DeniedInScript,
    /// The server has no such command or subcommand.
    UnknownCommand,
    /// The server does not speak RESP3.
    NoResp3,
    /// A password is required (`NOAUTH`).
    NoPassword,
    /// Another node has the key (`MOVED`).
    Moved,
    /// The key is moving to another node (`ASK`).
    Ask,
    /// Some keys are on another node while their slot is moving (`TRYAGAIN`).
    TryAgain,
    /// The server does not have the script (`NOSCRIPT`).
    NoScript,
    /// The key holds a value of another type (`WRONGTYPE`).
    WrongType,
    /// The server is in a state in which it does not serve this client.
    State(ServerState),
    /// Any other error.
    Other,
}

/// The object of a missing right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Command,
    Keys,
    Channel,
}

/// A state in which a server does not serve, or cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    OutOfMemory,
    CannotSave,
    ReadOnly,
    TooFewReplicas,
    Loading,
    MasterDown,
    Busy,
    ClusterDown,
}

impl ErrorReply {
    pub(super) fn new(error: RedisError) -> Self {
        let kind = match error.kind() {
            ErrorKind::RESP3NotSupported => ReplyKind::NoResp3,
            // A pipeline has no error code of its own, and fails with its first error.
            _ => match error.clone().into_server_errors().as_deref() {
                Some([(_, first), ..]) => {
                    ReplyKind::of(first.code(), first.details().unwrap_or_default())
                }
                _ => ReplyKind::Other,
            },
        };
        ErrorReply { kind, error }
    }
}

impl ReplyKind {
    fn of(code: &str, detail: &str) -> Self {
        if let Some(kind) = ReplyKind::of_code(code, detail) {
            return kind;
        }
        const UNKNOWN: [&str; 3] =
            ["unknown command", "unknown subcommand", "unknown redis command"];
        const DENIED: [&str; 2] = ["user executing the script can't", "acl failure"];
        let text = detail.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        if has(&UNKNOWN) {
            return ReplyKind::UnknownCommand;
        }
        if has(&DENIED) {
            return ReplyKind::DeniedInScript;
        }
        // An error of a script may name the code of the command that failed in it.
        let mut words = detail.split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|word| ReplyKind::of_code(word, detail)).unwrap_or(ReplyKind::Other)
    }

    fn of_code(code: &str, detail: &str) -> Option<Self> {
        Some(match code {
            "NOPERM" => ReplyKind::Denied(Denied::of(detail)),
            "NOAUTH" => ReplyKind::NoPassword,
            "MOVED" => ReplyKind::Moved,
            "ASK" => ReplyKind::Ask,
            "TRYAGAIN" => ReplyKind::TryAgain,
            "NOSCRIPT" => ReplyKind::NoScript,
            "WRONGTYPE" => ReplyKind::WrongType,
            "OOM" => ReplyKind::State(ServerState::OutOfMemory),
            "MISCONF" => ReplyKind::State(ServerState::CannotSave),
            "READONLY" => ReplyKind::State(ServerState::ReadOnly),
            "NOREPLICAS" => ReplyKind::State(ServerState::TooFewReplicas),
            "LOADING" => ReplyKind::State(ServerState::Loading),
            "MASTERDOWN" => ReplyKind::State(ServerState::MasterDown),
            "BUSY" => ReplyKind::State(ServerState::Busy),
            "CLUSTERDOWN" => ReplyKind::State(ServerState::ClusterDown),
            _ => return None,
        })
    }

    pub(super) fn takes_out_of_use(&self) -> bool {
        match self {
            ReplyKind::Denied(_)
            | ReplyKind::NoPassword
            | ReplyKind::NoResp3
            | ReplyKind::State(_) => true,
            // The command was redirected too often.
            ReplyKind::Moved | ReplyKind::Ask => true,
            ReplyKind::DeniedInScript
            | ReplyKind::UnknownCommand
            | ReplyKind::TryAgain
            | ReplyKind::NoScript
            | ReplyKind::WrongType
            | ReplyKind::Other => false,
        }
    }
}

impl Denied {
    /// Reads the text of a `NOPERM`, which names a command, keys or channels.
    fn of(detail: &str) -> Self {
        match detail {
            detail if detail.contains("to run the") => Denied::Command,
            detail if detail.contains("channel") => Denied::Channel,
            _ => Denied::Keys,
        }
    }
}

impl fmt::Display for ReplyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReplyKind::Denied(Denied::Command) => "the user may not run this command",
            ReplyKind::Denied(Denied::Keys) => "the user may not use this key",
            ReplyKind::Denied(Denied::Channel) => "the user may not use this channel",
            ReplyKind::DeniedInScript => "the user may not run a command of the script",
            ReplyKind::UnknownCommand => "the server lacks this command",
            ReplyKind::NoResp3 => "the server does not speak RESP3",
            ReplyKind::NoPassword => "the server requires a password",
            ReplyKind::Moved => "another node has the key",
            ReplyKind::Ask => "the key is moving to another node",
            ReplyKind::TryAgain => "some of the keys are moving to another node",
            ReplyKind::NoScript => "the server has lost the script",
            ReplyKind::WrongType => "the key holds a value of another type",
            ReplyKind::State(state) => return state.fmt(f),
            ReplyKind::Other => "the server replied with an error",
        })
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServerState::OutOfMemory => "the server is out of memory and evicts nothing",
            ServerState::CannotSave => "the server cannot save to its disk, and refuses writes",
            ServerState::ReadOnly => "the server is a replica, and refuses writes",
            ServerState::TooFewReplicas => "the server has too few replicas, and refuses writes",
            ServerState::Loading => "the server is loading its data",
            ServerState::MasterDown => "the server is a replica without a connection to its master",
            ServerState::Busy => "the server is busy with a script",
            ServerState::ClusterDown => "the cluster is down",
        })
    }
}
