//! The option `within`, with each kind of function, argument and output.

use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use async_trait::async_trait;
use memo::{CacheManager, InvalidationQueue, Within, cache_invalidate, cache_put, cached};

use crate::every_option::Failure;

/// A transaction of a connection.
#[derive(Debug)]
pub struct Transaction<'c> {
    /// Its statements.
    pub statements: &'c mut Vec<String>,
    /// Its invalidations.
    pub queue: InvalidationQueue,
}

impl Transaction<'_> {
    /// Runs a statement.
    fn run(&mut self, statement: impl Display) -> usize {
        self.statements.push(statement.to_string());
        self.statements.len()
    }
}

impl Within for Transaction<'_> {
    fn invalidations(&self) -> &InvalidationQueue {
        &self.queue
    }
}

/// By a key of all other arguments.
///
/// # Errors
///
/// If the id is zero.
#[cached(crate = ::memo, within = tx)]
pub async fn find(tx: &mut Transaction<'_>, id: usize) -> Result<usize, Failure> {
    if id == 0 {
        return Err(Failure);
    }
    Ok(id + tx.run("select"))
}

/// With a lifetime of its own, and an argument that only the attribute uses.
#[cache_invalidate(crate = memo, prefix = "tx:named:{name}", within = &_tx)]
pub async fn named<'n>(_tx: &Transaction<'_>, name: &'n str) -> &'n str {
    name
}

/// Any transaction.
#[cached(crate = memo, prefix = "tx:any", key = "{id}", within = tx)]
pub async fn any<T: Within + ?Sized>(tx: &T, id: u64) -> bool {
    tx.invalidations().is_empty() && id > 0
}

/// Any transaction, without a name for its type.
#[cached(crate = memo, prefix = "tx:opaque", key = "{id}", within = tx)]
pub async fn opaque(tx: &impl Within, id: u64) -> bool {
    tx.invalidations().is_empty() && id > 0
}

/// A transaction in a pattern.
#[cache_invalidate(crate = memo, prefix = "tx:named:{id}", within = tx)]
pub async fn in_pattern((tx, id): (&mut Transaction<'_>, u64)) -> usize {
    tx.run(id)
}

/// The transaction itself.
#[cache_invalidate(crate = memo, prefix = "tx:named:{id}", within = tx)]
pub async fn taken(mut tx: Transaction<'_>, id: u64) -> usize {
    tx.run(id)
}

/// Each option of an invalidation.
///
/// # Errors
///
/// If the title is empty.
#[cache_invalidate(
    crate = ::memo,
    prefix = "tx:{id}:{result}",
    tags = ["tx:{id}"],
    entry = find(tx, id),
    when = "always",
    if = Result::is_ok,
    manager = manager,
    within = tx
)]
pub async fn rename(
    tx: &mut Transaction<'_>,
    manager: &CacheManager,
    id: usize,
    title: &str,
) -> Result<usize, Failure> {
    if title.is_empty() {
        Err(Failure)?;
    }
    Ok(tx.run(title) + usize::from(manager.stats().invalidations > 0))
}

/// Before the body.
#[cache_invalidate(crate = memo, prefix = "tx", when = "before", within = tx)]
pub async fn clear(tx: &mut Transaction<'_>) {
    let _ = tx.run("delete");
}

/// A put, and an invalidation.
///
/// # Errors
///
/// If the id is zero.
#[cache_put(crate = memo, entry = find(tx, id), prefix = "tx:list", within = tx)]
pub async fn put(tx: &mut Transaction<'_>, id: usize) -> Result<usize, Failure> {
    if id == 0 {
        return Err(Failure);
    }
    Ok(tx.run("insert"))
}

/// Two attributes, each in the transaction.
///
/// # Errors
///
/// If the id is zero.
#[cache_invalidate(crate = memo, prefix = "tx:list", within = tx)]
#[cache_put(crate = memo, entry = find(tx, id), within = tx)]
pub async fn put_twice(tx: &mut Transaction<'_>, id: usize) -> Result<usize, Failure> {
    if id == 0 {
        return Err(Failure);
    }
    Ok(tx.run("insert"))
}

/// Many keys.
#[cached(crate = memo, prefix = "tx:many", key = "{id}", each(id in ids), within = tx)]
pub async fn many(tx: &mut Transaction<'_>, ids: &[usize]) -> Vec<usize> {
    let count = tx.run("select");
    ids.iter().map(|id| id + count).collect()
}

/// The entries of another function.
///
/// # Errors
///
/// If there is none.
#[cached(crate = memo, each(id in ids), entry = find(tx, id), within = tx)]
pub async fn find_many(tx: &mut Transaction<'_>, ids: Vec<usize>) -> Result<Vec<usize>, Failure> {
    if ids.is_empty() {
        return Err(Failure);
    }
    let count = tx.run("select");
    Ok(ids.iter().map(|id| id + count).collect())
}

/// Puts of many keys.
///
/// # Errors
///
/// If there is none.
#[cache_put(crate = memo, each(id in ids), entry = find(tx, id), within = tx)]
pub async fn put_many(tx: &mut Transaction<'_>, ids: &[usize]) -> Result<Vec<usize>, Failure> {
    if ids.is_empty() {
        return Err(Failure);
    }
    let count = tx.run("insert");
    Ok(ids.iter().map(|id| id + count).collect())
}

/// An output that is not sent to another thread.
#[cache_invalidate(crate = memo, prefix = "tx:list", within = tx)]
pub async fn local(tx: &mut Transaction<'_>) -> Rc<usize> {
    Rc::new(tx.run("update"))
}

/// A box.
#[cache_invalidate(crate = memo, prefix = "tx:list", within = tx)]
pub fn boxed<'a>(
    tx: &'a mut Transaction<'_>,
    by: usize,
) -> Pin<Box<dyn Future<Output = usize> + 'a>> {
    Box::pin(async move { tx.run("update") + by })
}

/// Not async.
#[cached(crate = memo, prefix = "tx:blocking", key = "{id}", within = tx)]
pub fn blocking(tx: &mut Transaction<'_>, id: usize) -> usize {
    tx.run("select") + id
}

/// Not async, with a function for its entry.
#[cached(crate = memo, prefix = "tx:entry", key = "{id}", entry_fn = entry_of, within = tx)]
pub fn with_entry(tx: &Transaction<'_>, id: usize) -> usize {
    tx.statements.len() + id
}

/// Not async, and a change.
///
/// # Errors
///
/// If the id is zero.
#[cache_invalidate(crate = memo, prefix = "tx:blocking:{id}", within = tx)]
pub fn change(tx: &mut Transaction<'_>, id: usize) -> Result<usize, Failure> {
    if id == 0 {
        return Err(Failure);
    }
    Ok(tx.run("update"))
}

/// A repository in a transaction.
pub struct Repository<'r, 'c, T> {
    tx: &'r mut Transaction<'c>,
    table: T,
}

impl<T> fmt::Debug for Repository<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").finish_non_exhaustive()
    }
}

impl<'r, 'c, T: Display + Clone> Repository<'r, 'c, T> {
    /// Makes one.
    pub fn new(tx: &'r mut Transaction<'c>, table: T) -> Self {
        Repository { tx, table }
    }

    /// Reads.
    #[cached(crate = memo, prefix = "tx:method", key = "{self.table}:{id}", within = self.tx)]
    pub async fn read(&mut self, id: u64) -> usize {
        let _ = id;
        self.tx.run(&self.table)
    }

    /// Writes.
    #[cache_invalidate(crate = memo, prefix = "tx:method:{self.table}", within = self.tx)]
    pub async fn write(&mut self) -> usize {
        self.tx.run(&self.table)
    }

    /// Writes a value that another function reads.
    #[cache_put(crate = memo, entry = self.read(id), within = self.tx)]
    pub async fn replace(&mut self, id: u64) -> usize {
        let _ = id;
        self.tx.run(&self.table)
    }
}

/// A trait of boxes.
#[async_trait]
pub trait Table {
    /// Reads.
    async fn read(&self, tx: &mut Transaction<'_>, id: usize) -> usize;

    /// Writes.
    #[cache_invalidate(crate = memo, prefix = "tx:table", within = tx)]
    async fn write(&self, tx: &mut Transaction<'_>) -> usize {
        tx.run("update")
    }
}

#[async_trait]
impl Table for String {
    #[cached(crate = memo, prefix = "tx:table", key = "{self}:{id}", within = tx)]
    async fn read(&self, tx: &mut Transaction<'_>, id: usize) -> usize {
        tx.run(self) + id
    }
}
