//! Runs a command beside a Redis that is made for it of real `redis-server` processes, and ends them with it.
//!
//! ```text
//! with-redis single|tls|sentinel|cluster [command [argument..]]
//! ```
//!
//! The command gets the variables that configure a cache. All others whose names begin with `REDIS_` are
//! removed. Without a command, the variables are printed, and the Redis runs until the input ends.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::any::Any;
use std::env;
use std::io::{Read, stdin};
use std::process::{Command, ExitCode};

use cache_tests::{Authority, EncryptedServer, RedisCluster, RedisServer, Sentinels};

const USAGE: &str = "usage: with-redis single|tls|sentinel|cluster [command [argument..]]";

/// Processes, which end with this value, and the variables that say where they are.
struct Started {
    _processes: Box<dyn Any>,
    variables: Vec<(&'static str, String)>,
}

impl Started {
    fn new(processes: impl Any, url: String) -> Self {
        Started { _processes: Box::new(processes), variables: vec![("REDIS_URL", url)] }
    }
}

fn start(topology: &str) -> Option<Started> {
    Some(match topology {
        "single" => {
            let server = RedisServer::start();
            let url = server.url();
            Started::new(server, url)
        }
        "tls" => {
            let authority = Authority::new();
            let server = EncryptedServer::start(&authority, &authority.certify("localhost"), "no");
            let url = format!("rediss://localhost:{}", server.port);
            let ca = authority.file().display().to_string();
            let mut started = Started::new((server, authority), url);
            started.variables.push(("REDIS_TLS_CA", ca));
            started
        }
        "sentinel" => {
            let sentinels = Sentinels::start();
            let url = sentinels.url();
            Started::new(sentinels, url)
        }
        "cluster" => {
            let cluster = RedisCluster::start();
            let url = cluster.url();
            Started::new(cluster, url)
        }
        _ => return None,
    })
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(started) = arguments.next().and_then(|topology| start(&topology)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for (name, value) in &started.variables {
        eprintln!("{name}={value}");
    }
    let Some(program) = arguments.next() else {
        // The input is ignored, until it ends.
        let _ = stdin().read_to_end(&mut Vec::new());
        return ExitCode::SUCCESS;
    };
    let mut command = Command::new(&program);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("REDIS_") {
            command.env_remove(name);
        }
    }
    let status = command.args(arguments).envs(started.variables.iter().cloned()).status();
    match status {
        Ok(status) => status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)),
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
