//! Measures the memory of a cache, as the system reports it: for each of a million entries, and in
//! relation to its bound.
//!
//! Each number comes from a process of its own, which is this program with two arguments.

use std::process::ExitCode;

use cache_benches::footprint::{KEEPERS, growth};
use cache_benches::process::{number_from_itself, resident_bytes};
use cache_benches::{Figure, is_full, record};

/// The bound of our cache that is put to the test: the default.
const CAPACITY: usize = 64 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--entries", name, entries] => entries.parse().ok().and_then(|n| bytes_of_one(name, n)),
        ["--bound", size] => size.parse().ok().and_then(|size| of_bound(CAPACITY, size)),
        _ => return compare(),
    };
    let Some(number) = measured else { return ExitCode::FAILURE };
    println!("{number}");
    ExitCode::SUCCESS
}

fn compare() -> ExitCode {
    let entries = if is_full() { "1000000" } else { "1000" };
    let keepers = KEEPERS.map(|keeper| (keeper.name, vec!["--entries", keeper.name, entries]));
    print("memory per entry, u64 -> 32 bytes", "bytes", keepers.into());
    if is_full() {
        let bounds = [
            ("values of 100 B", "100"),
            ("values of 1 KiB", "1024"),
            ("values of 64 KiB", "65536"),
        ];
        let bounds = bounds.map(|(name, size)| (name, vec!["--bound", size]));
        print("memory in use, as a part of the bound of 64 MiB", "%", bounds.into());
    }
    ExitCode::SUCCESS
}

/// Prints what this program measures if it is started with these arguments, and keeps it for the
/// report.
fn print(group: &str, unit: &str, rows: Vec<(&str, Vec<&str>)>) {
    println!("\n{group}");
    for (name, arguments) in rows {
        match number_from_itself(&arguments) {
            Ok(Some(number)) => {
                println!("  {name:32} {number:>10.1} {unit}");
                record("footprint", &[Figure::new(group, name, number, unit)]);
            }
            _ => println!("  {name:32} not measured"),
        }
    }
}

fn bytes_of_one(name: &str, entries: u64) -> Option<f64> {
    let keeper = KEEPERS.iter().find(|keeper| keeper.name == name)?;
    let before = resident_bytes()?;
    let filled = (keeper.fill)(entries);
    let growth = resident_bytes()?.checked_sub(before)?;
    Some(growth as f64 / filled.entries as f64)
}

fn of_bound(capacity: usize, size: usize) -> Option<f64> {
    Some(100.0 * growth(capacity, size)? as f64 / capacity as f64)
}
