use std::{
    process::{ChildStdin, Command, Stdio},
    sync::Mutex,
};

use crate::RedisServer;

/// Ends servers with this process instead of with their values, because a `static` is never dropped.
///
/// A shell waits for the end of its input, which ends with this process in any case.
///
/// # Panics
///
/// If there is no shell, or a server does not run.
pub(crate) fn keep_until_exit(servers: &[RedisServer]) {
    static INPUTS: Mutex<Vec<ChildStdin>> = Mutex::new(Vec::new());
    let mut shell = Command::new("sh");
    let last_will = r#"cat; while [ $# -gt 1 ]; do kill -9 "$1"; rm -rf "$2"; shift 2; done"#;
    shell.args(["-c", last_will, "sh"]);
    for server in servers {
        shell.arg(server.process_id().to_string()).arg(server.dir());
    }
    let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let input = shell.expect("a shell").stdin.expect("its input");
    INPUTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(input);
}
