//! A forked process has its parent's memory, and neither its threads nor a right to its connections.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::env;
use std::process::Command;

use cache_tests::{RedisServer, unique_namespace};

fn run(variables: &[(&str, &str)]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forked"));
    for (name, _) in env::vars() {
        if name.starts_with("REDIS_") || name.starts_with("CACHE_") {
            command.env_remove(name);
        }
    }
    // A child that waits for a load of its parent's waits for ever.
    command.env("CACHE_WAIT_LIMIT", "1h");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("all is well"), "{variables:?}: {out}\n{err}");
}

#[test]
fn children_of_one_memory_have_times_and_loads_of_their_own() {
    run(&[]);
}

#[test]
fn children_hear_each_other_and_their_parent() {
    let server = RedisServer::start();
    for mode in ["tiered", "redis"] {
        run(&[
            ("REDIS_URL", &server.url()),
            ("CACHE_NAMESPACE", &unique_namespace()),
            ("CACHE_MODE", mode),
        ]);
    }
}
