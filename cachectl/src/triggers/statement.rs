//! The statement that makes the triggers.

use std::fmt::{self, Display};

use super::names::{Names, Place};
use super::program::Program;
use super::quoted::{Identifier, dollar_quoted};
use super::rows::Rows;
use crate::exit::Failure;

/// The triggers of one table. They display as one statement, which makes all of them or none.
pub(crate) struct Triggers {
    names: Names,
    rows: Rows,
}

impl Triggers {
    pub(crate) fn new(place: Place<'_>, rows: Rows) -> Result<Self, Failure> {
        let names = Names::new(place)?;
        for column in rows.columns() {
            Identifier::check("column", column)?;
        }
        Ok(Triggers { names, rows })
    }

    /// Returns the statements, each with a line break at its end.
    fn statements(&self) -> String {
        let Names { table, outbox, escape, shorten, function, on_change, on_truncate } =
            &self.names;
        let helpers = format!(include_str!("helpers.sql"), escape = escape, shorten = shorten);
        let program = Program { names: &self.names, rows: &self.rows };
        let columns: Vec<_> =
            self.rows.columns().map(|column| Identifier(column).to_string()).collect();
        let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
        format!(
            "\
begin
if getdatabaseencoding() <> 'UTF8' then
    raise exception 'the names of a cache are in UTF-8, and this database is not';
end if;
-- A name that does not exist ends this, before anything is made.
perform {columns} from {table} where false;
perform namespace, kind, target from {outbox} where false;

{helpers}
create or replace function {function}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as {program};

drop trigger if exists {on_change} on {table};
create trigger {on_change} after insert or update or delete on {table}
    for each row execute function {function}();

drop trigger if exists {on_truncate} on {table};
create trigger {on_truncate} after truncate on {table}
    for each statement execute function {function}();
end
",
            program = dollar_quoted("function", &program.to_string()),
        )
    }
}

impl Display for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names { table, outbox, function, .. } = &self.names;
        writeln!(f, "-- A change of {table} writes into {outbox}, in the same transaction:")?;
        for template in &self.rows.templates {
            writeln!(f, "--   {} {}", template.kind.word(), template.text)?;
        }
        writeln!(f, "-- This replaces what it made for the table before. To remove it:")?;
        writeln!(f, "--   drop function {function} cascade;")?;
        write!(f, "do {};", dollar_quoted("cachectl", &self.statements()))
    }
}
