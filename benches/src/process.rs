//! The memory of a process, and processes that measure theirs.

use std::fs;
use std::process::Command;

/// Returns the memory that this process uses, in bytes, or `None` if the system has no `/proc`.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Starts this program with the arguments, and returns the number that it prints, or `None` if that is
/// not a number.
///
/// # Errors
///
/// If it cannot be started.
pub fn number_from_itself(arguments: &[&str]) -> std::io::Result<Option<f64>> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
