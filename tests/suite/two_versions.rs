//! Two versions of the crate in one program: neither would see what the other invalidates.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that depends on this version and on another.
fn program(at: &Path, workspace: &Path) {
    let other = at.join("other");
    for package in [at, &other] {
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("src/lib.rs"), "").unwrap();
    }
    let runtime = workspace.join("cache-runtime");
    let manifest = fs::read_to_string(runtime.join("Cargo.toml")).unwrap();
    // As the manifest says it, without what belongs to the workspace.
    let links = manifest.lines().find(|line| line.starts_with("links")).unwrap_or_default();
    let package = "[package]\nname = \"cache-runtime\"\nversion = \"9.0.0\"\nedition = \"2024\"";
    fs::write(other.join("Cargo.toml"), format!("{package}\n{links}\n")).unwrap();
    fs::copy(runtime.join("build.rs"), other.join("build.rs")).unwrap();
    let manifest = format!(
        "[package]\nname = \"program\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         cache-runtime.path = {runtime:?}\n\
         other = {{ package = \"cache-runtime\", path = \"other\" }}\n"
    );
    fs::write(at.join("Cargo.toml"), manifest).unwrap();
    fs::copy(workspace.join("Cargo.lock"), at.join("Cargo.lock")).unwrap();
}

#[test]
fn two_versions_in_one_program_are_refused() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-versions");
    program(&at, &workspace);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--format-version", "1"]).current_dir(&at);
    let ran = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success(), "two versions are built into one program");
    assert!(said.contains("links to the native library `cache-runtime`"), "{said}");
}
