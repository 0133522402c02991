//! Tokens and entries that belong to a name and are not stored under it.
//!
//! The removal of a name removes the entry under it, but cannot find those beside it. So these record the
//! *token of the name*, which every removal, put and clear of the name removes.

/// The beginning of the tag of a name: no tag of a user begins with `#`.
const NAME_TAG: &str = "#name:";
/// The beginning of the keys of entries that are stored beside a name.
const BESIDE: &str = "#beside:";

/// The tag of the entries of all functions that inherit. A clear of a pattern removes its token, because the pattern may
/// match the name of an inner entry that is not stored any more.
pub(crate) const CLEARED: &str = "#cleared";

/// Returns the tag that stands for a name itself.
pub(crate) fn name_tag(name: &str) -> String {
    format!("{NAME_TAG}{name}")
}

/// Returns the name that a tag stands for; `None` for any other tag.
pub(crate) fn name_of_tag(tag: &str) -> Option<&str> {
    tag.strip_prefix(NAME_TAG)
}

/// Returns the end of the key of a tag's token: the tag. For the tag of a name, the key has a form that puts
/// the token on the node of the name in a cluster. (A name with a `}` that no `{` precedes may be an
/// exception.)
pub(crate) fn token_end(namespace: &str, tag: &str) -> Option<String> {
    let name = name_of_tag(tag)?;
    // If a key contains braces, only the part inside them decides on the node.
    let decides = |rest: &str| rest.split_once('}').is_some_and(|(inside, _)| !inside.is_empty());
    Some(match name.split_once('{') {
        Some((_, rest)) if decides(rest) => tag.to_owned(),
        _ => format!("{NAME_TAG}{{{namespace}:{name}}}"),
    })
}

/// Returns the key, without the namespace, of an entry of this origin beside a name. The first one is number
/// 1.
pub(crate) fn beside(name: &str, origin: u64, number: u8) -> String {
    format!("{BESIDE}{origin:016x}.{number}:{name}")
}

/// Returns the name that an entry is stored for, under the name or beside it. `stored` is its key without the
/// namespace. Returns `None` for any other key.
pub(crate) fn name_of(stored: &str) -> Option<&str> {
    match stored.strip_prefix(BESIDE) {
        Some(rest) => rest.split_once(':').map(|(_, name)| name),
        None => Some(stored).filter(|name| !name.starts_with('#')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_beside_a_name_is_told_from_all_else() {
        for name in ["video:42", "a", "a.1:b"] {
            assert_eq!(name_of(&beside(name, 7, 1)), Some(name));
            assert_eq!(name_of(name), Some(name));
        }
        for other in ["#root", "#t:video", "#t:#name:{cache:video}", "#lease:video:42", "#stats"] {
            assert_eq!(name_of(other), None);
        }
        assert_eq!(beside("video:42", 7, 1), "#beside:0000000000000007.1:video:42");
    }

    #[test]
    fn a_names_token_is_on_the_node_of_the_name() {
        for (name, expected) in [
            ("video:42", "#name:{cache:video:42}"),
            ("video:{42}", "#name:video:{42}"),
            ("video:{", "#name:{cache:video:{}"),
        ] {
            assert_eq!(token_end("cache", &name_tag(name)).as_deref(), Some(expected));
        }
        assert_eq!(token_end("cache", "video"), None);
    }
}
