//! The function that runs for each change.

use std::fmt::{self, Display};

use super::names::Names;
use super::quoted::{Identifier, Literal};
use super::rows::Rows;
use super::stale::Stale;

const NOTIFY: &str = "    if found then
        perform pg_notify('cache_outbox', '');
    end if;
";

pub(super) struct Program<'a> {
    pub(super) names: &'a Names,
    pub(super) rows: &'a Rows,
}

impl Display for Program<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (outbox, namespace) = (&self.names.outbox, Literal(&self.rows.namespace));
        let (old, new) = (self.columns_of("old"), self.columns_of("new"));
        let names = list(self.rows.columns().map(|name| Identifier(name).to_string()));
        let names = if names.is_empty() { names } else { format!(" ({names})") };
        let of_row =
            self.rows.templates.iter().flat_map(|template| Stale::of_row(template, self.names));
        let (of_row, of_all) = (values(of_row.collect()), values(self.of_all()));
        let notify = if self.rows.notify { NOTIFY } else { "" };
        write!(
            f,
            "\
begin
    if tg_op = 'TRUNCATE' then
        insert into {outbox} (namespace, kind, target)
        select {namespace}, stale.kind, stale.target
        from (values
            {of_all}
        ) as stale (kind, target);
    elsif tg_op = 'UPDATE' and old *= new then
        return null;
    else
        insert into {outbox} (namespace, kind, target)
        select distinct {namespace}, stale.kind, stale.target
        from (
            select {old} where tg_op <> 'INSERT'
            union all
            select {new} where tg_op <> 'DELETE'
        ) as changed{names}
        cross join lateral (values
            {of_row}
        ) as stale (kind, target)
        where stale.target is not null;
    end if;
{notify}    return null;
end
"
        )
    }
}

impl Program<'_> {
    /// Returns the columns of the row before or after the change, as text, in an order of characters that no collation of
    /// the database changes.
    fn columns_of(&self, row: &str) -> String {
        let column = |name| format!("{row}.{}::text collate \"C\"", Identifier(name));
        list(self.rows.columns().map(column))
    }

    /// Returns what all rows of the table together make stale.
    fn of_all(&self) -> Vec<Stale> {
        let mut all: Vec<_> = self.rows.templates.iter().map(Stale::of_all).collect();
        if let Some(everything) = all.iter().find(|stale| stale.kind == "everything") {
            return vec![everything.clone()];
        }
        all.sort();
        all.dedup();
        all
    }
}

fn list(columns: impl Iterator<Item = String>) -> String {
    columns.collect::<Vec<_>>().join(", ")
}

fn values(rows: Vec<Stale>) -> String {
    let row = |Stale { kind, target }: &Stale| format!("({}, {target})", Literal(kind));
    rows.iter().map(row).collect::<Vec<_>>().join(",\n            ")
}
