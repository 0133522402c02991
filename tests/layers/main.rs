//! The layers of the crates: files that need each other in a circle, and imports that go up.
//!
//! A file needs another one if its code names an item that is defined there, or calls a method that only
//! that file defines. What stands under `#[cfg(test)]` does not count, and neither does a re-export.
//! `cargo test -p cache-tests --all-features --test layers -- --nocapture` prints the circles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod circles;
mod names;
mod needs;
mod ranks;
mod sources;

use std::path::Path;

use needs::Needs;
use sources::Sources;

/// Returns the circles of a crate, largest first: the files of each, and an arrow out of each file that stays inside.
fn circles(of: &str) -> Vec<Vec<String>> {
    let needs = needs(of);
    let found = circles::find(&needs);
    println!("{of}: {} circles", found.len());
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

/// Returns the needs of a crate's files.
fn needs(of: &str) -> Needs {
    Needs::of(&sources(of))
}

/// Reads the files of a crate.
fn sources(of: &str) -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(of).join("src");
    Sources::read(&root)
}

#[test]
fn no_files_need_each_other_in_a_circle() {
    for of in ["cache-runtime", "cache-macros", "cache-admin", "cache-sqlx"] {
        assert_eq!(circles(of).len(), 0, "files of {of} need each other in circles");
    }
}

#[test]
fn the_modules_of_the_runtime_need_modules_below_them_alone() {
    let found = ranks::violations(&needs("cache-runtime"), ranks::RUNTIME);
    assert!(found.is_empty(), "these arrows do not go down:\n{}", found.join("\n"));
}

#[test]
fn no_two_types_of_a_crate_share_a_name() {
    for of in
        ["cache-runtime", "cache-macros", "cache-admin", "cache-sqlx", "cache-syntax", "cachectl"]
    {
        let shared = names::shared(&sources(of));
        assert!(shared.is_empty(), "types of {of} share their names:\n{}", shared.join("\n"));
    }
}

#[test]
fn a_name_that_two_types_share_is_found() {
    let sources = Sources::of(&[
        ("lib.rs", "mod a; mod b; struct One; struct Error;"),
        ("a.rs", "pub enum Two {} pub struct Error; #[cfg(test)] struct One;"),
        ("b.rs", "pub trait Two {} fn f() { struct One; }"),
    ]);
    assert_eq!(names::shared(&sources), ["Two: a.rs, b.rs"]);
}

#[test]
fn an_arrow_that_goes_up_is_named() {
    let sources = Sources::of(&[
        ("lib.rs", "mod low; mod peer; mod top;"),
        ("top/mod.rs", "mod part; use crate::low::Low; pub struct Top;"),
        ("top/part.rs", "use super::Top; pub struct Part;"),
        ("low.rs", "use crate::top::Top; pub struct Low;"),
        ("peer.rs", "use crate::low::Low;"),
    ]);
    let ranks: &[&[&str]] = &[&["top"], &["low", "peer"]];
    let found = ranks::violations(&Needs::of(&sources), ranks);
    assert_eq!(found, ["low.rs -> top/mod.rs (Top)", "peer.rs -> low.rs (Low)"]);
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
