//! SQLite behind an async door.
//!
//! SQLite blocks its thread, so each query runs on tokio's threads for blocking work. In WAL mode
//! readers and the one writer do not wait for each other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::seed;

/// The number of concurrent reading queries.
const READERS: usize = 4;

/// The time for which a write waits for that of another process.
const BUSY: Duration = Duration::from_secs(5);

/// The database. It is a handle: its clones share the connections.
#[derive(Clone, Debug)]
pub struct Db {
    readers: Arc<Pool>,
    pub(crate) writer: Arc<Pool>,
    id: String,
    /// Removes the temporary file with the last handle; `None` if the file was named.
    _temporary: Option<Arc<TempDir>>,
}

/// Connections to one file, which are opened when they are needed first.
#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    read_only: bool,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// The error of a query. It is `Clone`, so that callers that waited for one load share its error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DbError {
    /// SQLite refused.
    Sqlite(Arc<rusqlite::Error>),
    /// The query panicked, or the runtime is ending.
    Stopped,
}

impl Db {
    /// Opens the file and fills it if it is empty; without a path, a temporary file.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or is no database of this service.
    pub async fn open(path: Option<&Path>) -> Result<Self, Box<dyn std::error::Error>> {
        let temporary = if path.is_none() { Some(TempDir::new()?) } else { None };
        let file = match (path, &temporary) {
            (Some(path), _) => path.to_owned(),
            (None, Some(folder)) => folder.path().join("videos.db"),
            (None, None) => return Err(io::Error::other("no place for a database").into()),
        };
        let pool = |size, read_only| {
            let (free, idle) = (Arc::new(Semaphore::new(size)), Mutex::default());
            Arc::new(Pool { path: file.clone(), read_only, free, idle })
        };
        let writer = pool(1, false);
        let id = writer.run(seed::prepare).await?;
        Ok(Db { readers: pool(READERS, true), writer, id, _temporary: temporary.map(Arc::new) })
    }

    /// Returns the id that distinguishes this database from all others, drawn when it was created.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs a query that changes nothing.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        self.readers.run(query).await
    }

    /// Runs a query that changes something. What it has committed is seen by every read that begins
    /// after this returns.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub async fn write<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        self.writer.run(query).await
    }
}

impl Pool {
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        let turn = self.turn().await?;
        let pool = Arc::clone(self);
        // The turn goes along: if the caller is dropped, the query still holds its connection.
        let work = spawn_blocking(move || {
            let mut connection = pool.take()?;
            let answer = query(&mut connection);
            pool.put_back(connection);
            drop(turn);
            answer
        });
        let answer = work.await.map_err(|_| DbError::Stopped)?;
        answer.map_err(DbError::of)
    }

    /// Waits for a free connection.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, DbError> {
        Arc::clone(&self.free).acquire_owned().await.map_err(|_| DbError::Stopped)
    }

    /// Returns an idle connection. A connection whose query has panicked is closed instead of returned.
    pub(crate) fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.connect(), Ok)
    }

    pub(crate) fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "query_only", self.read_only)?;
        Ok(connection)
    }
}

impl DbError {
    pub(crate) fn of(error: rusqlite::Error) -> Self {
        DbError::Sqlite(Arc::new(error))
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DbError::Sqlite(error) => write!(f, "the database refused: {error}"),
            DbError::Stopped => f.write_str("the query was stopped"),
        }
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DbError::Sqlite(error) => Some(error.as_ref()),
            DbError::Stopped => None,
        }
    }
}
