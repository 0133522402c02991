//! The machine of the benchmarks.

use std::fs;
use std::process::Command;

/// Returns one line about the machine and its programs.
pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let redis = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
    let parts = [
        Some(format!("{cores} cores")),
        cpu(),
        says("rustc", "rustc").map(|version| format!("rustc {version}")),
        says(&redis, "v=").map(|version| format!("Redis {version}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Returns the word that follows this one, or is joined to it, in what a program says of its version.
fn says(program: &str, before: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = text.split_once(before)?.1.split_whitespace().next()?;
    Some(word.to_owned())
}
