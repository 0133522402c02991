//! The rows of the outbox that a template makes, as SQL.

use super::names::Names;
use super::quoted::{Identifier, Literal};
use super::template::{Kind, Part, Template};

/// A row of the outbox: its kind, and an expression for its target. There is no row where that is NULL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stale {
    pub(super) kind: &'static str,
    pub(super) target: String,
}

impl Stale {
    /// Returns the rows for one row of the table, which is `changed`.
    pub(super) fn of_row(template: &Template, names: &Names) -> Vec<Stale> {
        let kind = template.kind.word();
        let target = rendered(template, names);
        let required = nulls(template, false);
        if template.kind == Kind::Tag || required.is_empty() {
            return vec![Stale { kind, target }];
        }
        // It is not known what a program has in the place of NULL, so this covers every value.
        let wider = Stale::of_all(template);
        let optional = nulls(template, true);
        if wider.kind == kind && optional.is_empty() {
            let target = format!("coalesce({target}, {})", wider.target);
            return vec![Stale { kind, target }];
        }
        let mut is_unknown = format!("({})", required.join(" or "));
        for null in optional {
            is_unknown += &format!(" and not {null}");
        }
        let unknown = format!("case when {is_unknown} then {} end", wider.target);
        vec![Stale { kind, target }, Stale { kind: wider.kind, target: unknown }]
    }

    /// Returns the row for all rows of the table together.
    pub(super) fn of_all(template: &Template) -> Stale {
        let has_columns = template.columns().next().is_some();
        let (kind, text) = match (template.above(), template.kind) {
            (Some(text), kind) if !has_columns => (kind.word(), text),
            (Some(above), Kind::Prefix | Kind::Name) => (Kind::Prefix.word(), above),
            // Nothing covers all tags with a common beginning, and no prefix covers all names.
            (_, Kind::Tag) | (None, _) => ("everything", ""),
        };
        Stale { kind, target: Literal(text).to_string() }
    }
}

/// Returns an expression for the text. It is NULL if a column is NULL, except for a column of a tag that is not optional:
/// that is an empty text then.
fn rendered(template: &Template, names: &Names) -> String {
    let mut parts = Vec::new();
    for (place, part) in template.parts.iter().enumerate() {
        parts.push(match part {
            Part::Text(text) => Literal(text).to_string(),
            Part::Column { name, optional } => {
                let mut value = format!("changed.{}", Identifier(name));
                if template.kind == Kind::Tag && !optional {
                    value = format!("coalesce({value}, '')");
                }
                let stop = match template.parts.get(place + 1) {
                    Some(Part::Text(text)) => text.chars().next().map(String::from),
                    _ => None,
                };
                let stop = stop.unwrap_or_default();
                format!("{}({value}, {})", names.escape, Literal(&stop))
            }
        });
    }
    format!("{}({})", names.shorten, parts.join(" || "))
}

/// Returns the condition for NULL of each column that is optional, or of each one that is not.
fn nulls(template: &Template, of_optional: bool) -> Vec<String> {
    let columns = template.parts.iter().filter_map(|part| match part {
        Part::Column { name, optional } if *optional == of_optional => Some(name),
        _ => None,
    });
    columns.map(|name| format!("changed.{} is null", Identifier(name))).collect()
}
