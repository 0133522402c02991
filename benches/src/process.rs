//! The memory of a process, and processes that measure theirs.

use std::fs;
use std::process::Command;

/// How much memory this process has in use just now, in bytes: `None` where the system does not
/// say it in `/proc`.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// What this program prints if it is started with these arguments: `None` if that is no number.
///
/// # Errors
///
/// If it cannot be started.
pub fn number_from_itself(arguments: &[&str]) -> std::io::Result<Option<f64>> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
