//! Addresses of databases.

use std::env;
use std::time::Duration;

use crate::exit::Failure;

/// The variable with the address, if it is not given as an argument.
const VARIABLE: &str = "DATABASE_URL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    fn of(url: &str) -> Option<Dialect> {
        match url.split_once(':')?.0 {
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "sqlite" => Some(Dialect::Sqlite),
            _ => None,
        }
    }

    /// Returns the feature of this program, and its option of `outbox sql`.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Dialect::Postgres => "postgres",
            Dialect::Sqlite => "sqlite",
        }
    }

    /// Returns the program that runs statements.
    pub(crate) fn client(self) -> &'static str {
        match self {
            Dialect::Postgres => "psql",
            Dialect::Sqlite => "sqlite3",
        }
    }
}

/// The address of a database, which may contain a password.
pub(crate) struct Address {
    pub(crate) dialect: Dialect,
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "no database")
    )]
    pub(crate) url: String,
    /// The time that a connection may take.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        allow(dead_code, reason = "no database")
    )]
    pub(crate) patience: Duration,
}

impl Address {
    /// Reads the address from an argument; without one, or with an empty one, from the variable.
    pub(crate) fn new(given: Option<&str>, patience: Duration) -> Result<Address, Failure> {
        let variable = || env::var(VARIABLE).ok();
        let url = given.map(str::to_owned).filter(|url| !url.is_empty()).or_else(variable);
        let url = url.filter(|url| !url.is_empty()).ok_or_else(|| {
            Failure::Usage(format!(
                "no address of a database is given; use --database or {VARIABLE}"
            ))
        })?;
        let dialect = Dialect::of(&url).ok_or_else(|| {
            Failure::Usage(
                "the address of a database begins with `postgres://` or `sqlite:`".to_owned(),
            )
        })?;
        Ok(Address { dialect, url, patience })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_known_by_its_address() {
        let of = |url| Dialect::of(url);
        assert_eq!(of("postgres://localhost/shop"), Some(Dialect::Postgres));
        assert_eq!(of("postgresql:///shop"), Some(Dialect::Postgres));
        assert_eq!(of("sqlite:shop.db"), Some(Dialect::Sqlite));
        assert_eq!(of("sqlite://shop.db"), Some(Dialect::Sqlite));
        for other in ["mysql://localhost", "shop.db", "", "postgres"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
