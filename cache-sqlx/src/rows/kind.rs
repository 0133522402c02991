//! The kinds of rows.

/// The kind of an invalidation in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One entry.
    Name,
    /// All entries below a prefix, and the entry of that name.
    Prefix,
    /// All entries with a tag.
    Tag,
    /// All entries whose names match a pattern.
    Pattern,
    /// All entries of the namespace.
    Everything,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Name, Kind::Prefix, Kind::Tag, Kind::Pattern, Kind::Everything];

    /// Returns the text in the column `kind`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Name => "name",
            Kind::Prefix => "prefix",
            Kind::Tag => "tag",
            Kind::Pattern => "pattern",
            Kind::Everything => "everything",
        }
    }

    /// Returns the kind of a row, or `None` for a text of a later version.
    pub(crate) fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_as_it_was_written_and_others_are_refused() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("soft"), None);
    }
}
