//! Test support: outputs that must never change are compared with a file under `tests/golden`.
#![allow(clippy::panic, reason = "a test helper reports by panicking")]

use std::fs;
use std::path::Path;

/// Compares a text of stored bytes with the file `name`; `BLESS=1` writes the file instead.
pub(crate) fn check(name: &str, actual: &str) {
    compare(name, actual, "so data already stored would be lost or misread");
}

/// Compares a table of results with the file `name`; `BLESS=1` writes the file instead.
pub(crate) fn check_table(name: &str, actual: &str) {
    compare(name, actual, "which is a change of behaviour to be read line by line");
}

fn compare(name: &str, actual: &str, meaning: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        actual, expected,
        "{name} has changed, {meaning}; if that is wanted, run the tests with BLESS=1"
    );
}

/// Returns `label hex`, one line.
pub(crate) fn line(label: &str, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{label} {hex}\n")
}
