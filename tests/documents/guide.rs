//! The guide: each page is in its summary, and its listings are tested.

use std::fs;

use crate::files::{root, texts};

#[test]
fn each_page_is_in_the_summary_and_its_listings_are_tested() {
    let folder = root().join("docs/guide/src");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let tested = fs::read_to_string(root().join("tests/src/guide.rs")).unwrap();
    let pages = texts(&folder, "md");
    assert!(pages.len() > 1, "no pages in {}", folder.display());
    for (page, _) in pages.iter().filter(|(page, _)| !page.ends_with("SUMMARY.md")) {
        let file = page.file_name().unwrap().to_str().unwrap();
        assert!(summary.contains(&format!("({file})")), "{file} is missing in SUMMARY.md");
        assert!(tested.contains(&format!("{file:?}")), "{file} is missing in tests/src/guide.rs");
    }
}
