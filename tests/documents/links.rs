//! Links between the documents, and from them into the code.

use std::path::Path;

use crate::files::{root, texts};

/// The targets of the links of a Markdown text that are files: without code blocks, anchors and addresses.
fn targets(text: &str) -> Vec<&str> {
    let prose = text.split("\n```").step_by(2);
    let after = prose.flat_map(|part| part.split("](").skip(1));
    let targets = after.filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// The links of a document that lead nowhere.
fn broken(document: &Path, text: &str) -> Vec<String> {
    let folder = document.parent().unwrap();
    let lost = targets(text).into_iter().filter(|target| !folder.join(target).exists());
    lost.map(|target| format!("{} links to {target}", document.display())).collect()
}

/// Returns false for texts in the documentation of a crate (`*/docs/*.md`): rustdoc resolves their links.
fn is_plain_markdown(document: &Path) -> bool {
    let within = document.strip_prefix(root()).unwrap();
    within.components().nth(1).is_none_or(|part| part.as_os_str() != "docs")
}

#[test]
fn links_lead_to_files() {
    let documents = texts(&root(), "md");
    let own = documents.iter().filter(|(path, _)| is_plain_markdown(path));
    let broken: Vec<_> = own.flat_map(|(path, text)| broken(path, text)).collect();
    assert_eq!(broken, [] as [String; 0]);
}

// The book that is made of the guide has the guide's own pages alone.
#[test]
fn the_guide_links_to_its_own_pages() {
    let guide = root().join("docs/guide/src");
    let pages = texts(&guide, "md");
    assert!(pages.len() > 5, "{pages:?}");
    let links =
        pages.iter().flat_map(|(path, text)| targets(text).into_iter().map(move |to| (path, to)));
    let outside: Vec<_> = links.filter(|(_, to)| to.contains("..")).collect();
    assert_eq!(outside, []);
}

#[test]
fn a_link_to_nothing_is_found() {
    let text = "[a](main.rs) [b](main.rs#part) [c](#part) [d](https://e.org)\n```\n[e](no)\n```\n[f](nowhere.md)";
    assert_eq!(targets(text), ["main.rs", "main.rs", "nowhere.md"]);
    let here = root().join("tests/documents/x.md");
    assert_eq!(broken(&here, text), [format!("{} links to nowhere.md", here.display())]);
}
