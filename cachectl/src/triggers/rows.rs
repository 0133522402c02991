//! The rows that a change writes.

use super::template::Template;

pub(crate) struct Rows {
    /// The namespace of the cache; empty for that of the relay.
    pub(crate) namespace: String,
    pub(crate) templates: Vec<Template>,
    /// If true, they wake the relays.
    pub(crate) notify: bool,
}

impl Rows {
    /// Returns the columns that the templates name, each once.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let mut columns: Vec<&str> = self.templates.iter().flat_map(Template::columns).collect();
        columns.sort_unstable();
        columns.dedup();
        columns.into_iter()
    }
}
