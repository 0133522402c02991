use std::sync::atomic::{AtomicU64, Ordering};

use super::Postgres;

/// A database of one test in a server that it may share with others. It is dropped with the value.
#[derive(Debug)]
pub struct PostgresDatabase<'a> {
    server: &'a Postgres,
    name: String,
}

impl<'a> PostgresDatabase<'a> {
    pub(super) fn create(server: &'a Postgres) -> PostgresDatabase<'a> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        server.psql(&format!("create database {name}"));
        PostgresDatabase { server, name }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the address.
    pub fn url(&self) -> String {
        self.server.url_of(&self.name)
    }

    /// Returns the address by way of another port of the loopback interface, as that of a
    /// [`Proxy`](crate::Proxy).
    pub fn url_by(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{}", self.name)
    }

    /// Returns the server.
    pub fn server(&self) -> &'a Postgres {
        self.server
    }

    /// Runs statements in this database, as [`Postgres::psql`] does.
    ///
    /// # Panics
    ///
    /// If the server is unavailable, or refuses a statement.
    pub fn psql(&self, statements: &str) -> String {
        self.try_psql(statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// Runs statements as [`psql`](PostgresDatabase::psql) does.
    ///
    /// # Errors
    ///
    /// Returns the error of the first statement that is refused; those after it are not run.
    pub fn try_psql(&self, statements: &str) -> Result<String, String> {
        self.server.run_psql(&self.name, statements)
    }
}

impl Drop for PostgresDatabase<'_> {
    fn drop(&mut self) {
        // It fails if the server was killed; then nothing is left to be dropped.
        let _ = self.server.try_psql(&format!("drop database {} with (force)", self.name));
    }
}
