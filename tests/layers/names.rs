//! Types that share their name.

use std::collections::BTreeMap;

use syn::Item;

use super::sources::Sources;

/// Names that several types of a crate may have, because a path always precedes them (`timeout::Error`).
const WITH_A_PATH: &[&str] = &["Error"];

/// Returns the names that more than one type of a crate has, with the files that define them.
pub(crate) fn shared(sources: &Sources) -> Vec<String> {
    let mut files: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources.modules.values() {
        for name in source.items.iter().filter_map(type_name) {
            files.entry(name).or_default().push(&source.file);
        }
    }
    let shared = files
        .into_iter()
        .filter(|(name, files)| files.len() > 1 && !WITH_A_PATH.contains(&name.as_str()));
    shared.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

fn type_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Enum(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
