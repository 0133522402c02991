#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error as _;
use std::io;

use redis::ServerError;

use super::reply::ServerState;
use super::*;
use crate::error::with_causes;

/// Returns the error that the client makes of a reply in the form of the protocol.
fn reply(line: &str) -> StoreError {
    let bytes = format!("-{line}\r\n");
    redis::parse_redis_value(bytes.as_bytes()).unwrap().extract_error().unwrap_err().into()
}

/// Returns one letter for each decision that is positive: out of Use, reFusal, not a Reply, Half moved, lost
/// Script, wrong Type, Password missing.
fn decisions(error: &StoreError) -> String {
    let decisions = [
        ('U', error.takes_out_of_use()),
        ('F', error.is_refusal()),
        ('R', !error.is_reply()),
        ('C', error.is_closed()),
        ('H', error.is_half_moved()),
        ('S', error.is_no_script()),
        ('T', error.is_wrong_type()),
        ('P', error.requires_password()),
        ('L', error.is_timeout()),
    ];
    decisions.into_iter().filter(|(_, is_so)| *is_so).map(|(letter, _)| letter).collect()
}

#[test]
fn each_reply_of_a_server_has_a_kind_and_its_decisions() {
    use ReplyKind::*;
    use ServerState::*;
    const NO_RUN: &str =
        "ERR unknown command 'EVALSHA', with args beginning with: 'e0e1' '1' 'OOM' 'READONLY' ";
    let of_script = |line: &str| format!("{line} script: e0e1f9, on @user_script:3.");
    let table = [
        (
            "NOPERM User app has no permissions to run the 'get' command",
            Denied(super::Denied::Command),
            "UF",
        ),
        (
            "NOPERM this user has no permissions to run the 'config|get' command",
            Denied(super::Denied::Command),
            "UF",
        ),
        ("NOPERM No permissions to access a key", Denied(super::Denied::Keys), "UF"),
        ("NOPERM No permissions to access a channel", Denied(super::Denied::Channel), "UF"),
        (
            "ERR The user executing the script can't run this command or subcommand",
            DeniedInScript,
            "F",
        ),
        (
            "ERR ACL failure in script: User app has no permissions to run the 'set' command",
            DeniedInScript,
            "F",
        ),
        (NO_RUN, UnknownCommand, "F"),
        ("ERR unknown subcommand 'SHARDS'. Try CLUSTER HELP.", UnknownCommand, "F"),
        ("ERR Unknown Redis command called from script", UnknownCommand, "F"),
        ("NOAUTH Authentication required.", NoPassword, "UP"),
        ("MOVED 3999 127.0.0.1:6381", Moved, "U"),
        ("ASK 3999 127.0.0.1:6381", Ask, "U"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", TryAgain, "H"),
        ("NOSCRIPT No matching script. Please use EVAL.", NoScript, "S"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", WrongType, "T"),
        ("OOM command not allowed when used memory > 'maxmemory'.", State(OutOfMemory), "U"),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to",
            State(CannotSave),
            "U",
        ),
        ("READONLY You can't write against a read only replica.", State(ReadOnly), "U"),
        ("NOREPLICAS Not enough good replicas to write.", State(TooFewReplicas), "U"),
        ("LOADING Redis is loading the dataset in memory", State(Loading), "U"),
        (
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            State(MasterDown),
            "U",
        ),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL", State(Busy), "U"),
        ("CLUSTERDOWN Hash slot not served", State(ClusterDown), "U"),
        // A server of another make passes on the error of a command in a script in this form.
        (
            "ERR Error running script (call to f_e0e1): @user_script:2: -OOM command not allowed",
            State(OutOfMemory),
            "U",
        ),
        ("ERR value is not an integer or out of range", Other, ""),
        // The letters of a code inside of another word are not a code.
        ("BUSYGROUP Consumer Group name already exists", Other, ""),
        ("ERR TASK", Other, ""),
    ];
    for (line, kind, expected) in table {
        for line in [line.to_owned(), of_script(line)] {
            let error = reply(&line);
            assert_eq!(error.reply(), Some(&kind), "{line}");
            assert_eq!(decisions(&error), expected, "{line}");
            assert!(error.rules_out_feed(), "{line}");
            let source = error.source().unwrap().downcast_ref::<ServerError>().unwrap();
            assert_eq!(source.code(), line.split(' ').next().unwrap(), "{line}");
        }
    }
}

#[test]
fn each_failure_that_is_no_reply_has_its_decisions() {
    let io = |kind| StoreError::from(RedisError::from(io::Error::from(kind)));
    let second = Duration::from_secs(1);
    let denied =
        RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
    let no_resp3 =
        RedisError::from((ErrorKind::RESP3NotSupported, "Redis Server doesn't support it"));
    let table = [
        (io(io::ErrorKind::ConnectionRefused), "URC"),
        (io(io::ErrorKind::ConnectionReset), "URC"),
        (io(io::ErrorKind::BrokenPipe), "URC"),
        (io(io::ErrorKind::UnexpectedEof), "URC"),
        (io(io::ErrorKind::TimedOut), "URL"),
        (io(io::ErrorKind::InvalidData), "UR"),
        (StoreError::Timeout(Deadline::Operation, second), "URL"),
        (StoreError::Timeout(Deadline::Connect, second), "URL"),
        (Lost::Feed.into(), "URC"),
        (denied.into(), "UR"),
        (no_resp3.into(), "UR"),
        (Unusable::AnotherServer.into(), "UR"),
        (StoreError::read::<u8>(Value::BulkString(b"x".to_vec())).unwrap_err(), "R"),
    ];
    for (error, expected) in table {
        assert_eq!(decisions(&error), expected, "{error:?}");
        let is_of_feed = error.reply() == Some(&ReplyKind::NoResp3);
        assert_eq!(error.rules_out_feed(), is_of_feed, "{error:?}");
    }
}

#[test]
fn a_redirection_names_the_node_and_whether_it_needs_asking() {
    assert_eq!(reply("MOVED 1 h:1").redirection(), Some(("h:1", false)));
    assert_eq!(reply("ASK 1 h:1").redirection(), Some(("h:1", true)));
    assert_eq!(reply("TRYAGAIN later").redirection(), None);
}

/// Tests a pipeline, which has one error for each command that failed. The first one decides.
#[test]
fn the_first_error_of_a_pipeline_decides() {
    let errors = b"*2\r\n-OOM full\r\n-ERR other\r\n";
    let Value::Array(values) = redis::parse_redis_value(errors).unwrap() else { unreachable!() };
    let first = values.into_iter().next().unwrap().extract_error().unwrap_err();
    let error = StoreError::from(first);
    assert_eq!(error.reply(), Some(&ReplyKind::State(ServerState::OutOfMemory)));
}

#[test]
fn a_chain_names_each_cause_once_and_ends_in_the_original() {
    let refused =
        StoreError::from(RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused)));
    assert_eq!(with_causes(&refused), "no server listens at the address: connection refused");
    let cause = refused.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);

    let full = reply("OOM command not allowed");
    assert_eq!(
        with_causes(&full),
        "the server is out of memory and evicts nothing: \"OOM\": command not allowed"
    );
    let late = StoreError::Timeout(Deadline::Operation, Duration::from_millis(250));
    assert_eq!(with_causes(&late), "no answer within 250ms (REDIS_TIMEOUT)");
    let unread = StoreError::read::<u8>(Value::BulkString(b"x".to_vec())).unwrap_err();
    assert!(unread.source().unwrap().is::<redis::ParsingError>());
    let sentinels = vec![("a:1".to_owned(), refused), ("b:2".to_owned(), late)];
    assert_eq!(
        with_causes(&StoreError::from(Unusable::NoSentinel(sentinels))),
        "this server cannot be used: no sentinel names a usable master (a:1: no server listens at the address: connection \
         refused; b:2: no answer within 250ms (REDIS_TIMEOUT))"
    );
}
