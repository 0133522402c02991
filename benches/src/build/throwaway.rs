//! Crates that are made for a measurement.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The manifest that all of them share. Each is a workspace of its own, and its binaries are stripped.
const MANIFEST: &str = r#"[package]
name = "throwaway"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.release]
strip = true

[dependencies]
"#;

/// A crate below the folder of what is built here.
#[derive(Clone, Debug)]
pub struct Throwaway {
    folder: PathBuf,
    target: PathBuf,
}

impl Throwaway {
    /// Returns a program with these dependencies, as they stand in a manifest. `{runtime}` is where
    /// `cache-runtime` is. What is locked for the benchmarks is locked for it, too.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new(name: &str, dependencies: &str, main: &str) -> std::io::Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = here.join("target/throwaway").join(name);
        let runtime = format!("{:?}", here.join("../cache-runtime"));
        let manifest = format!("{MANIFEST}{}", dependencies.replace("{runtime}", &runtime));
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), main)?;
        fs::copy(here.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(Throwaway { target: folder.join("target"), folder })
    }

    /// Returns the same, built where another one is: what both depend on is built once.
    #[must_use]
    pub fn beside(self, other: &Throwaway) -> Self {
        Throwaway { target: other.target.clone(), ..self }
    }

    /// Downloads what is missing.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn fetch(&self) -> Result<(), Box<dyn Error>> {
        self.cargo(["fetch", "--target", &host()?]).map(drop)
    }

    /// Returns the number of crates that it depends on.
    ///
    /// # Errors
    ///
    /// If `cargo tree` fails.
    pub fn crates(&self) -> Result<usize, Box<dyn Error>> {
        let target = host()?;
        let arguments =
            ["tree", "--offline", "--prefix", "none", "-e", "normal,build", "--target", &target];
        let tree = self.cargo(arguments)?;
        let name_and_version = |line: &str| line.split(' ').take(2).collect::<String>();
        let crates: BTreeSet<_> = tree.lines().map(name_and_version).collect();
        Ok(crates.len() - 1)
    }

    /// Returns the time of an optimised build of the program and all dependencies.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    pub fn cold_build(&self) -> Result<Duration, Box<dyn Error>> {
        if self.target.exists() {
            fs::remove_dir_all(&self.target)?;
        }
        self.build()
    }

    /// Returns the time of an optimised rebuild of the program, with all dependencies built before.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    pub fn rebuild(&self) -> Result<Duration, Box<dyn Error>> {
        self.touch()?;
        self.build()
    }

    /// Returns the time of checking the program again, with all dependencies checked before.
    ///
    /// # Errors
    ///
    /// If it has mistakes.
    pub fn recheck(&self) -> Result<Duration, Box<dyn Error>> {
        self.touch()?;
        self.time(["check", "--offline"])
    }

    /// Returns the size of the program that was built last, in bytes.
    ///
    /// # Errors
    ///
    /// If it has not been built.
    pub fn size(&self) -> std::io::Result<u64> {
        let program = format!("throwaway{}", std::env::consts::EXE_SUFFIX);
        Ok(fs::metadata(self.target.join("release").join(program))?.len())
    }

    fn build(&self) -> Result<Duration, Box<dyn Error>> {
        self.time(["build", "--offline", "--release"])
    }

    fn touch(&self) -> std::io::Result<()> {
        let main = self.folder.join("src/main.rs");
        fs::write(&main, fs::read(&main)?)
    }

    fn time(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Duration, Box<dyn Error>> {
        let began = Instant::now();
        self.cargo(arguments)?;
        Ok(began.elapsed())
    }

    /// Runs cargo, and returns its output. No incremental results and no settings of the caller are
    /// used.
    fn cargo(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<String, Box<dyn Error>> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).current_dir(&self.folder);
        cargo.env("CARGO_TARGET_DIR", &self.target).env("CARGO_INCREMENTAL", "0");
        for caller in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"] {
            cargo.env_remove(caller);
        }
        printed(&mut cargo)
    }
}

/// Returns the target triple of this machine.
fn host() -> Result<String, Box<dyn Error>> {
    let told = printed(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc names no host")?.to_owned())
}

fn printed(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{command:?}:\n{}", String::from_utf8_lossy(&output.stderr)).into())
}
