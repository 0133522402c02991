//! The rules of `ARCHITECTURE.md`: code and tests cite them in comments as `R` and a number.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::files::{root, texts};

/// The numbers of rules that are cited.
#[derive(Debug, Default, PartialEq)]
struct Cited {
    by_code: BTreeSet<u32>,
    by_tests: BTreeSet<u32>,
}

impl Cited {
    /// Adds the citations of one file. `is_test` says that all of it is test code.
    fn add(&mut self, text: &str, is_test: bool) {
        let (code, tests) = match text.find("#[cfg(test)]\nmod tests {") {
            _ if is_test => ("", text),
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        self.by_code.extend(code.lines().flat_map(citations));
        self.by_tests.extend(tests.lines().flat_map(citations));
    }

    /// All that differs from these rules.
    fn mistakes(&self, rules: &BTreeSet<u32>) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (who, cited) in [("code", &self.by_code), ("test", &self.by_tests)] {
            let missing = rules.difference(cited).map(|rule| format!("no {who} cites R{rule}"));
            let unknown = cited
                .difference(rules)
                .map(|rule| format!("{who} cites R{rule}, which is no rule"));
            mistakes.extend(missing.chain(unknown));
        }
        mistakes
    }
}

/// The rules that the comment of a line cites.
fn citations(line: &str) -> Vec<u32> {
    let Some((_, comment)) = line.split_once("//") else { return Vec::new() };
    comment.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(rule).collect()
}

fn rule(word: &str) -> Option<u32> {
    word.strip_prefix('R')?.parse().ok()
}

/// The rules that a document lists: `- **R1, validity.** ...`.
fn listed(document: &str) -> BTreeSet<u32> {
    let heads = document.lines().filter_map(|line| line.strip_prefix("- **"));
    heads.filter_map(|head| rule(head.split(',').next()?)).collect()
}

fn is_test(path: &Path) -> bool {
    path.starts_with(root().join("tests"))
        || path.components().any(|part| part.as_os_str() == "tests")
        || path.ends_with("tests.rs")
}

#[test]
fn each_rule_is_cited_by_code_and_by_a_test() {
    let rules = listed(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    assert_eq!(rules, (1..=8).collect(), "the rules that ARCHITECTURE.md lists");
    let mut cited = Cited::default();
    for (path, text) in texts(&root(), "rs") {
        if !path.ends_with(file!()) {
            cited.add(&text, is_test(&path));
        }
    }
    assert_eq!(cited.mistakes(&rules), [] as [String; 0]);
}

#[test]
fn a_citation_is_a_word_in_a_comment() {
    assert_eq!(citations("    // R1, R12: the reason"), [1, 12]);
    assert_eq!(citations("/// (R3) and VR4, R5x"), [3]);
    assert_eq!(citations("let R6 = 1;"), []);
}

#[test]
fn a_rule_that_is_unknown_or_cited_by_one_side_alone_is_a_mistake() {
    let mut cited = Cited::default();
    cited.add("// R1: here\n#[cfg(test)]\nmod tests {\n// R2: there\n}", false);
    cited.add("// R1: and here, with R3", true);
    let rules = listed("- **R1, validity.** text\n- **R2, another.**\n- **Not a rule**");
    let mistakes = ["no code cites R2", "test cites R3, which is no rule"];
    assert_eq!(cited.mistakes(&rules), mistakes);
}
