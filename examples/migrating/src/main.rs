//! Runs the same program with four caches, and prints their results and loads.
//!
//! ```text
//! cargo run --manifest-path examples/migrating/Cargo.toml
//! REDIS_URL=redis://localhost:6379 cargo run --manifest-path examples/migrating/Cargo.toml
//! ```

use std::error::Error;

use cache_example_migrating::compare;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let redis = std::env::var("REDIS_URL").ok().filter(|url| !url.is_empty());
    println!(
        "The same calls of one program with each cache, and how often each queried the database:\n"
    );
    let comparison = compare(redis.as_deref()).await?;
    print!("{comparison}");
    if redis.is_none() {
        println!(
            "Redis by hand is left out, and cache-runtime has cached in memory: set REDIS_URL to use Redis."
        );
    }
    match comparison.differences()[..] {
        [] => Ok(()),
        ref calls => Err(format!("the results differ: {calls:?}").into()),
    }
}
