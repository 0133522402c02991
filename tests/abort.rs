//! A program that ends at its first panic goes on where a runtime lacks timers or I/O.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::env;
use std::path::Path;
use std::process::Command;

use cache_tests::{RedisServer, unique_namespace};

/// Builds the program with `panic = "abort"`, beside what the tests are built into.
fn program() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = root.join("target").join("abort");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--locked", "--profile", "abort", "--package", "cache-abort"])
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(build.unwrap().success(), "the program is built");
    target.join("abort").join("cache-abort")
}

fn run(program: &Path, variables: &[(&str, &str)]) {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("REDIS_") || name.starts_with("CACHE_"))
        {
            command.env_remove(name);
        }
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("all is well"), "{variables:?}: {out}\n{err}");
}

#[test]
fn runtimes_without_timers_or_without_io_end_no_program() {
    let (program, server) = (program(), RedisServer::start());
    run(&program, &[]);
    for mode in ["redis", "tiered"] {
        run(
            &program,
            &[
                ("REDIS_URL", &server.url()),
                ("CACHE_MODE", mode),
                ("CACHE_NAMESPACE", &unique_namespace()),
                ("REDIS_CONNECT_TIMEOUT", "10s"),
                ("REDIS_TIMEOUT", "5s"),
            ],
        );
    }
}
