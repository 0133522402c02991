//! Literal texts in a template that equal the name of an argument: the braces were probably forgotten.

use cache_syntax::{Piece, parse_template};

use super::Finding;
use crate::registry::{CachedSite, MutationSite};
use crate::site::{SiteKey, SourceLocation};

/// The templates of an attribute, each with its option, and the names that they can use.
pub(super) struct Templates<'a> {
    location: &'a SourceLocation,
    arguments: &'static [&'static str],
    templates: Vec<(&'static str, &'static str)>,
}

impl<'a> From<&'a CachedSite> for Templates<'a> {
    fn from(site: &'a CachedSite) -> Self {
        let key = match site.key {
            SiteKey::Template(template) => Some(("key", template)),
            SiteKey::Arguments(_) | SiteKey::Expression => None,
        };
        let templates = key.into_iter().chain(site.tags.iter().map(|tag| ("tags", *tag)));
        Templates {
            location: &site.location,
            arguments: site.arguments,
            templates: templates.collect(),
        }
    }
}

impl<'a> From<&'a MutationSite> for Templates<'a> {
    fn from(site: &'a MutationSite) -> Self {
        let prefix = site.prefix.into_iter().map(|prefix| ("prefix", prefix));
        let templates = prefix.chain(site.tags.iter().map(|tag| ("tags", *tag)));
        Templates {
            location: &site.location,
            arguments: site.arguments,
            templates: templates.collect(),
        }
    }
}

pub(super) fn without_braces(templates: Templates<'_>) -> Vec<Finding> {
    let Templates { location, arguments, templates } = templates;
    let finding = |(option, text): (&'static str, &'static str)| {
        let argument = arguments.iter().find(|argument| lacks_braces(text, argument))?;
        Some(Finding::WithoutBraces { site: location.clone(), option, text, argument })
    };
    templates.into_iter().filter_map(finding).collect()
}

/// Returns true if a segment is the name of the argument, which no placeholder uses. The first segment is not
/// checked: it describes the kind of the entries, and often equals the name of an argument (`user:{user}`).
fn lacks_braces(text: &str, argument: &str) -> bool {
    let names_it = |piece: &Piece<'_>| match piece {
        Piece::Text(_) => false,
        Piece::Placeholder(inside) => {
            inside.trim_end_matches('?').split('.').next() == Some(argument)
        }
    };
    let is_used = parse_template(text).is_ok_and(|pieces| pieces.iter().any(names_it));
    !is_used && text.split(':').skip(1).any(|segment| segment == argument)
}
