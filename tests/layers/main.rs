//! The layers of the crates: files that need each other in a circle, and imports that go up.
//!
//! A file needs another one if its code names an item that is defined there, or calls a method that only
//! that file defines. What stands under `#[cfg(test)]` does not count, and neither does a re-export.
//! `cargo test -p cache-tests --all-features --test layers -- --nocapture` prints the circles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod circles;
mod needs;
mod sources;

use std::path::Path;

use needs::Needs;
use sources::Sources;

/// The circles of a crate, largest first: the files of each, and an arrow out of each file that stays inside.
fn circles(of: &str) -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(of).join("src");
    let sources = Sources::read(&root);
    let needs = Needs::of(&sources);
    let found = circles::find(&needs);
    let files: usize = found.iter().map(Vec::len).sum();
    println!("{of}: {} files, {files} of them in {} circles", sources.files(), found.len());
    for circle in &found {
        println!("  {} files", circle.len());
        for file in circle {
            let inside =
                needs.of_file(file).filter(|(other, _)| circle.iter().any(|file| file == other));
            let arrows: Vec<_> = inside.map(|(other, why)| format!("{other} ({why})")).collect();
            println!("    {file} -> {}", arrows.join(", "));
        }
    }
    found
}

/// No more files stand in circles than did; a change that takes one out lowers the number.
fn at_most(of: &str, files: usize) {
    let found: usize = circles(of).iter().map(Vec::len).sum();
    assert!(found <= files, "{found} files of {of} need each other in circles, not {files}");
    assert!(found >= files, "{found} files of {of} are in circles: lower the number here");
}

#[test]
fn the_files_of_the_runtime_that_need_each_other_in_circles_become_fewer() {
    at_most("cache-runtime", 0);
}

#[test]
fn the_files_of_the_macros_that_need_each_other_in_circles_become_fewer() {
    at_most("cache-macros", 0);
}

#[test]
fn the_files_of_the_admin_crate_that_need_each_other_in_circles_become_fewer() {
    at_most("cache-admin", 0);
}

#[test]
fn a_circle_is_found_by_paths_and_by_methods() {
    let sources = Sources::of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        (
            "a.rs",
            "use crate::b::Second; pub struct First; impl First { pub fn only_here(&self) {} }",
        ),
        ("b/mod.rs", "mod inner; pub(crate) use inner::Second;"),
        ("b/inner.rs", "pub struct Second; fn f(first: &impl Sized) { first.only_here(); }"),
        ("c.rs", "use super::d::Fourth; #[cfg(test)] mod tests { use crate::a::First; }"),
        ("d.rs", "pub struct Fourth; #[cfg(test)] use crate::c::f;"),
    ]);
    let found = circles::find(&Needs::of(&sources));
    assert_eq!(found, [["a.rs", "b/inner.rs"]]);
}
