//! Templates over the columns of a row.

use cache_syntax::{
    Piece, name_fault, parse_template, prefix_fault, sample, segment_fault, tag_fault,
};

use crate::exit::Failure;

/// A text to invalidate by, with columns in the place of values.
pub(crate) struct Template {
    pub(super) kind: Kind,
    /// As it was written.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// The kinds of texts, which have names of their own in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Prefix,
    Tag,
    Name,
}

#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    Column {
        name: String,
        /// If it is NULL, nothing is invalidated by this template.
        optional: bool,
    },
}

impl Template {
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Template, Failure> {
        let parts = kind.parse(text).map_err(|fault| {
            Failure::Usage(format!("the {} {text:?} cannot be used: {fault}", kind.word()))
        })?;
        Ok(Template { kind, text: text.to_owned(), parts })
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Returns the segments before the first column: everything that the template can give is below them. Returns the
    /// whole text if it names no column.
    pub(super) fn above(&self) -> Option<&str> {
        match &*self.parts {
            [] => None,
            [Part::Text(text)] => Some(text),
            [Part::Text(text), ..] => text.rsplit_once(':').map(|(above, _)| above),
            [Part::Column { .. }, ..] => None,
        }
    }
}

impl Kind {
    /// Returns the name of the option, of the kind in the outbox, and of the text in a message.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Prefix => "prefix",
            Kind::Tag => "tag",
            Kind::Name => "name",
        }
    }

    fn parse(self, text: &str) -> Result<Vec<Part>, String> {
        let fault = match self {
            Kind::Prefix => prefix_fault,
            Kind::Tag => tag_fault,
            Kind::Name => name_fault,
        };
        let pieces = parse_template(text)?;
        let sample = sample(&pieces);
        if let Some(fault) = fault(&sample).or(segment_fault(&sample)) {
            return Err(fault.to_owned());
        }
        pieces.into_iter().map(part).collect()
    }
}

fn part(piece: Piece<'_>) -> Result<Part, String> {
    match piece {
        Piece::Text(text) => Ok(Part::Text(text.into_owned())),
        Piece::Placeholder(inside) => {
            let (name, optional) = match inside.strip_suffix('?') {
                Some(name) => (name, true),
                None => (inside, false),
            };
            let is_plain = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
            if name.is_empty() || !name.chars().all(is_plain) {
                return Err(format!(
                    "`{{{inside}}}` is not a column, such as `{{id}}`, or `{{shelf?}}` for one that may be NULL"
                ));
            }
            Ok(Part::Column { name: name.to_owned(), optional })
        }
    }
}
