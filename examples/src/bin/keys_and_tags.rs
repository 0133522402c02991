//! Shows the names of entries: keys, prefixes, tags, and patterns over them.
//!
//! ```text
//! cargo run -p cache-examples --bin keys_and_tags
//! ```

use std::time::Duration;

use cache_examples::{introduce, part};
use cache_runtime::{CacheConfig, CacheManager, cached, escape, install};
use serde::Serialize;

#[derive(Serialize)]
struct User {
    id: u64,
    language: String,
}

/// Stands for a connection, which can be no part of a key.
struct Database;

/// Every argument belongs to the key unless it is skipped.
#[cached(key_prefix = "search", skip(_database))]
async fn search(_database: &Database, words: &str, page: u32) -> String {
    format!("page {page} of what was found for {words:?}")
}

/// A template gives names that a person can read, and that can be used directly.
#[cached(key_prefix = "greeting", key = "{user.language}:{name}")]
async fn greeting(user: &User, name: &str) -> String {
    let hello = if user.language == "de" { "Hallo" } else { "Hello" };
    format!("{hello}, {name}")
}

/// An expression, where the key is something that must be worked out first.
#[cached(key_prefix = "words", key = text.to_lowercase())]
async fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Tags are names to invalidate by which are not at the beginning of the entry's own.
#[cached(key_prefix = "feed", key = "{user.id}", tags = ["language:{user.language}", "feeds"])]
async fn feed(user: &User) -> String {
    format!("what is new for user {}", user.id)
}

struct Shop {
    id: u64,
}

impl Shop {
    /// A method says how `self` takes part: by its fields, or `skip(self)`.
    #[cached(key_prefix = "turnover", key = "{self.id}:{year}")]
    async fn turnover(&self, year: u16) -> u64 {
        self.id * 1_000 + u64::from(year)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = CacheConfig::from_env()?.namespace("example-keys");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    introduce(&manager).await;
    manager.flush_all().await;

    call_everything().await;

    part("Names, as they are in Redis behind the namespace `example-keys:`.");
    for name in ["greeting:de:Ada", "greeting:en:a%3Ab", "turnover:5:2024", "feed:7"] {
        show(&manager, name).await?;
    }
    println!("  The others are a prefix, the function's name and a hash of the arguments:");
    println!("  search:search:<40 digits>, words:count_words:<40 digits>");

    part("What is put into a name is escaped, so that it cannot be taken for more than it is.");
    println!("  {:?} becomes {:?}, {:?} becomes {:?}", "a:b", escape("a:b"), "*", escape("*"));

    part("A template's names can be read and written directly.");
    let name = "greeting:de:Ada";
    println!("  get({name:?}) = {:?}", manager.get::<String>(name).await?);
    manager.set(name, &"Moin, Ada".to_owned(), Duration::from_secs(60)).await?;
    println!("  after a set, greeting(..) = {:?}", greeting(&user(7, "de"), "Ada").await);

    part("Patterns: how many entries each has removed.");
    for pattern in ["greeting:*:Ada", "turnover:?:20[0-9][0-9]", "search:*"] {
        println!("  clear({pattern:?}) = {}", manager.clear(pattern).await?);
    }

    part("A tag.");
    show(&manager, "feed:7").await?;
    show(&manager, "feed:8").await?;
    manager.invalidate_tag("language:de").await?;
    println!("  invalidate_tag(\"language:de\")");
    show(&manager, "feed:7").await?;
    show(&manager, "feed:8").await?;
    Ok(())
}

async fn call_everything() {
    let (ada, bob) = (user(7, "de"), user(8, "en"));
    search(&Database, "rust cache", 1).await;
    search(&Database, "rust cache", 2).await;
    greeting(&ada, "Ada").await;
    greeting(&bob, "Ada").await;
    greeting(&bob, "a:b").await;
    count_words("One two").await;
    count_words("ONE TWO").await; // the same key
    feed(&ada).await;
    feed(&bob).await;
    Shop { id: 5 }.turnover(2024).await;
}

fn user(id: u64, language: &str) -> User {
    User { id, language: language.to_owned() }
}

async fn show(manager: &CacheManager, name: &str) -> Result<(), cache_runtime::Error> {
    let state = if manager.exists(name).await? { "is there" } else { "is not there" };
    println!("  {name:<20} {state}");
    Ok(())
}
