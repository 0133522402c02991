//! The names in the database, in quotes.

use super::quoted::Identifier;
use crate::exit::Failure;

/// The places and names as they are given.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) outbox_schema: &'a str,
    pub(crate) function_prefix: &'a str,
}

/// The names as SQL.
pub(super) struct Names {
    pub(super) table: String,
    pub(super) outbox: String,
    /// The helper functions. All tables share them, so they are where the outbox is.
    pub(super) escape: String,
    pub(super) shorten: String,
    /// The function of this table, which is where the table is.
    pub(super) function: String,
    pub(super) on_change: String,
    pub(super) on_truncate: String,
}

impl Names {
    pub(super) fn new(place: Place<'_>) -> Result<Names, Failure> {
        let Place { table, schema, outbox_schema, function_prefix } = place;
        let prefixed = |name: &str| format!("{function_prefix}{name}");
        let function = prefixed(table);
        for (what, name) in [
            ("table", table),
            ("schema", schema),
            ("schema of the outbox", outbox_schema),
            ("name of a function", &prefixed("truncate")),
        ] {
            Identifier::check(what, name)?;
        }
        if Identifier::check("function", &function).is_err() {
            return Err(Failure::Usage(format!(
                "the function for the table would be {function:?}, and PostgreSQL cuts names after 63 bytes: give \
                 a shorter --function-prefix"
            )));
        }
        let of = |schema: &str, name: &str| format!("{}.{}", Identifier(schema), Identifier(name));
        let trigger = |name: &str| Identifier(&prefixed(name)).to_string();
        Ok(Names {
            table: of(schema, table),
            outbox: of(outbox_schema, "cache_outbox"),
            escape: of(outbox_schema, &prefixed("escape")),
            shorten: of(outbox_schema, &prefixed("shorten")),
            function: of(schema, &function),
            on_change: trigger("change"),
            on_truncate: trigger("truncate"),
        })
    }
}
