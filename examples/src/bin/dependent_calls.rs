//! Calls that depend on calls: a page shows a shelf, a shelf its books, and a book the name of its author. If an
//! author is renamed, `inherit` makes all of these new, and nothing else is loaded.
//!
//! ```text
//! cargo run -p cache-examples --bin dependent_calls
//! cargo run -p cache-examples --bin dependent_calls commands    # with REDIS_URL, in two terminals
//! cargo test -p cache-examples --test dependent_calls           # in two processes
//! ```
//!
//! The commands are `page` and `rename ID NAME`.

use std::env;
use std::fs;
use std::io::{self, BufRead as _};
use std::path::PathBuf;
use std::time::Duration;

use cache_examples::{introduce, part};
use cache_runtime::{
    CacheConfig, CacheManager, Observation, Source, cache_invalidate, cached, install, observe,
};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// The books of a shelf, with their authors.
const SHELF: [(u64, u64); 4] = [(1, 1), (2, 1), (3, 2), (4, 3)];

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Book {
    title: String,
    author: String,
}

/// Reads one author of the simulated database.
#[cached(ttl = "10m", key_prefix = "author", key = "{id}")]
async fn author(id: u64) -> Result<String, io::Error> {
    sleep(Duration::from_millis(20)).await;
    read(id)
}

/// Depends on its author, without a tag for that.
#[cached(ttl = "10m", key_prefix = "book", key = "{id}", inherit)]
async fn book(id: u64, author_id: u64) -> Result<Book, io::Error> {
    sleep(Duration::from_millis(20)).await;
    Ok(Book { title: format!("Book {id}"), author: author(author_id).await? })
}

/// Depends on its books, and on what these depend on.
#[cached(ttl = "10m", key_prefix = "shelf", key = "{id}", inherit)]
async fn shelf(id: u64) -> Result<Vec<Book>, io::Error> {
    let mut books = Vec::new();
    for (book_id, author_id) in SHELF {
        books.push(book(id * 10 + book_id, author_id).await?);
    }
    Ok(books)
}

/// Depends on its shelf. `line` is not cached, so it is a part of the body.
#[cached(ttl = "10m", key_prefix = "page", key = "{id}", inherit)]
async fn page(id: u64) -> Result<String, io::Error> {
    line(id).await
}

async fn line(shelf_id: u64) -> Result<String, io::Error> {
    let books = shelf(shelf_id).await?;
    let each = books.iter().map(|Book { title, author }| format!("{title} by {author}"));
    Ok(each.collect::<Vec<_>>().join(", "))
}

/// Invalidates one author, and names nothing else.
#[cache_invalidate(prefix = "author:{id}")]
async fn rename(id: u64, name: &str) -> Result<(), io::Error> {
    write(id, name)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = CacheConfig::from_env()?.namespace("example-dependent-calls");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    match env::args().nth(1).as_deref() {
        Some("commands") => obey().await?,
        _ => demonstrate(&manager).await?,
    }
    match manager.disconnect().await {
        0 => Ok(()),
        lost => Err(format!("Redis has not confirmed {lost} invalidations").into()),
    }
}

async fn demonstrate(manager: &CacheManager) -> Result<(), io::Error> {
    introduce(manager).await;
    manager.flush_all().await;
    rename(1, "Ada").await?;

    part("The first call loads everything.");
    show().await?;
    part("The second one finds the page.");
    show().await?;
    part("Author 1 is renamed. Its two books are loaded, and what contains them.");
    rename(1, "Grace").await?;
    show().await?;
    part("Author 9 has no books. So the page is still there.");
    rename(9, "Alan").await?;
    show().await?;
    fs::remove_dir_all(folder())
}

/// Prints the page, with the calls that it took.
async fn show() -> Result<(), io::Error> {
    let (page, seen) = observe(page(1)).await;
    println!("  {}\n", page?);
    seen.to_string().lines().for_each(|line| println!("    {line}"));
    Ok(())
}

/// Answers each line of the input with one line.
async fn obey() -> Result<(), io::Error> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["page"] => {
                let (page, seen) = observe(page(1)).await;
                println!("{} ({})", page?, loads(&seen));
            }
            ["rename", id, name] => {
                rename(id.parse().map_err(io::Error::other)?, name).await?;
                println!("renamed");
            }
            _ => println!("unknown command {line:?}: there are `page` and `rename ID NAME`"),
        }
    }
    Ok(())
}

/// Returns the number of bodies that have run, for each function.
fn loads(seen: &Observation) -> String {
    let of = |prefix: &str| format!("{prefix} {}", seen.of(prefix).count(Source::Load));
    format!("loaded: {}", ["author", "book", "shelf", "page"].map(of).join(", "))
}

/// Pretends to read the database.
fn read(id: u64) -> Result<String, io::Error> {
    match fs::read_to_string(file_of(id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(format!("author {id}")),
        name => name,
    }
}

/// Pretends to write to it.
fn write(id: u64, name: &str) -> Result<(), io::Error> {
    fs::create_dir_all(folder())?;
    fs::write(file_of(id), name)
}

fn file_of(id: u64) -> PathBuf {
    folder().join(id.to_string())
}

/// Returns the folder that stands for the database, which all processes share.
fn folder() -> PathBuf {
    env::var_os("EXAMPLE_FOLDER")
        .map_or_else(|| env::temp_dir().join("cache-example-authors"), PathBuf::from)
}
