//! One entry, by the call that reads it: looked at, loaded, put and removed, directly and by attribute.
//!
//! ```text
//! cargo run -p cache-examples --bin one_call
//! cargo test -p cache-examples --bin one_call    # the audit as a test
//! ```

use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use cache_examples::{introduce, part, timed};
use cache_runtime::{
    CacheCall as _, CacheConfig, CacheManager, audit, cache_invalidate, cache_put, cached, install,
};
use tokio::time::sleep;

/// The content of the simulated database: prices in cents.
static PRICES: LazyLock<Mutex<HashMap<u64, u64>>> = LazyLock::new(Mutex::default);

/// A shop, whose methods have no `key` template, because no code needs the names of their entries.
struct Shop {
    country: &'static str,
}

impl Shop {
    #[cached(ttl = "10m", key = (self.country, article))]
    async fn price(&self, article: u64) -> Result<u64, io::Error> {
        sleep(Duration::from_millis(100)).await;
        Ok(read(article))
    }

    /// Returns the new state, which replaces the entry, so the next reader does not load.
    #[cache_put(entry = self.price(article))]
    async fn set_price(&self, article: u64, price: u64) -> Result<u64, io::Error> {
        write(article, price);
        Ok(price)
    }

    /// Changes two entries, and does not know the new state of either.
    #[cache_invalidate(entry = self.price(one), entry = self.price(other))]
    async fn swap(&self, one: u64, other: u64) -> Result<(), io::Error> {
        let (of_one, of_other) = (read(one), read(other));
        write(one, of_other);
        write(other, of_one);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = CacheConfig::from_env()?.namespace("example-one-call");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    introduce(&manager).await;
    manager.flush_all().await;
    let shop = Shop { country: "AT" };

    part("A put in place of a load.");
    timed("price(7)", shop.price(7)).await?;
    timed("set_price(7, 250)", shop.set_price(7, 250)).await?;
    let price = timed("price(7)", shop.price(7)).await?;
    println!("  It costs {price}.");

    part("Two entries are invalidated.");
    timed("price(8)", shop.price(8)).await?;
    timed("swap(7, 8)", shop.swap(7, 8)).await?;
    timed("price(7)", shop.price(7)).await?;
    timed("price(8)", shop.price(8)).await?;

    part("The same directly. Each of these takes the call itself, which is not awaited.");
    println!("  name:       {}", shop.price(7).cache_entry().name()?);
    println!("  peek:       {:?}", shop.price(7).cache_entry().peek().await?);
    let fetched = shop.price(7).cache_entry().fetch().await?;
    println!("  fetch:      {:?} from {:?}", fetched.value?, fetched.source);
    write(7, 300);
    // The first `?` is for the cache, the second for the function.
    println!("  bypass:     {} (nothing is stored)", shop.price(7).cache_entry().bypass().await??);
    println!("  the call:   {}", shop.price(7).await?);
    println!("  refresh:    {} (stored)", shop.price(7).cache_entry().refresh().await??);
    println!("  the call:   {}", shop.price(7).await?);
    shop.price(7).cache_entry().put(350).await?;
    println!("  after put:  {}", shop.price(7).await?);
    shop.price(7).cache_entry().invalidate().await?;
    println!("  after invalidate, peek: {:?}", shop.price(7).cache_entry().peek().await?);

    part("Mistakes that the compiler does not see; better looked for by a test.");
    println!("  audit: {:?}", audit());
    Ok(())
}

/// Pretends to read the database.
fn read(article: u64) -> u64 {
    let prices = PRICES.lock().unwrap_or_else(PoisonError::into_inner);
    prices.get(&article).copied().unwrap_or(article * 100)
}

/// Pretends to write to it.
fn write(article: u64, price: u64) {
    PRICES.lock().unwrap_or_else(PoisonError::into_inner).insert(article, price);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_attributes_are_in_order() {
        assert_eq!(cache_runtime::audit(), []);
    }
}
