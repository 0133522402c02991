//! The ranks of the modules in the root of a crate: a file needs files of its own module and of lower ones alone.

use super::needs::Needs;

/// The modules of the runtime from the top down. Those of one line do not see each other.
pub(crate) const RUNTIME: &[&[&str]] = &[
    &["private"],
    &["manager"],
    &["cache_call", "call"],
    &["collector"],
    &["deferral"],
    &["tiers"],
    &["value"],
    &["memory", "redis", "gates"],
    &["flight"],
    &["registry"],
    &["site"],
    &["coherence"],
    &["config"],
    &["format"],
    &["output", "sizing"],
    &["stats"],
    &["key"],
    &["error"],
    &["support"],
];

/// The arrows that do not go down, and the modules that have no rank.
pub(crate) fn violations(needs: &Needs, ranks: &[&[&str]]) -> Vec<String> {
    let rank = |module: &str| ranks.iter().position(|line| line.contains(&module));
    let mut found = Vec::new();
    for file in needs.files() {
        let from = module(file);
        for (other, why) in needs.of_file(file).filter(|(other, _)| module(other) != from) {
            let to = module(other);
            match (rank(from), rank(to)) {
                (Some(above), Some(below)) if above < below => {}
                (Some(_), Some(_)) => found.push(format!("{file} -> {other} ({why})")),
                (None, _) => found.push(format!("{from} has no rank")),
                (_, None) => found.push(format!("{to} has no rank")),
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The module of a file: the first part of its path.
fn module(file: &str) -> &str {
    file.split('/').next().map_or(file, |first| first.trim_end_matches(".rs"))
}
