//! There is nothing to be done: `links` in the manifest needs a build script.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
