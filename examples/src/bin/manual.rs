//! The direct API, without attributes: every method of `CacheManager`.
//!
//! ```text
//! cargo run -p cache-examples --bin manual
//! ```

use std::time::Duration;

use cache_examples::{introduce, part};
use cache_runtime::{CacheConfig, CacheManager, Clock, Error, SetOptions, Ttl, try_cache};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A builder takes a clock as well; `CacheManager::connect(config)` is the short form.
    let cache = CacheManager::builder()
        .config(CacheConfig::from_env()?.namespace("example-manual"))
        .clock(Clock::system())
        .connect()
        .await?;
    introduce(&cache).await;
    one_name(&cache).await?;
    load_on_demand(&cache).await?;
    many_names(&cache).await?;
    removal(&cache).await?;
    state(&cache).await;
    the_process_wide_one(&cache).await?;

    part("The end.");
    println!("flush_all() removed {}", cache.flush_all().await);
    println!(
        "disconnect() leaves {} invalidations that Redis does not know of",
        cache.disconnect().await
    );
    Ok(())
}

async fn one_name(cache: &CacheManager) -> Result<(), Error> {
    part("One name.");
    cache.set("user:1:name", &"Ada".to_owned(), MINUTE).await?;
    println!("get    {:?}", cache.get::<String>("user:1:name").await?);
    println!("exists {}", cache.exists("user:1:name").await?);
    println!("ttl    {:?}", cache.ttl("user:1:name").await?);
    // A value of another type is no value.
    println!("get as a number {:?}", cache.get::<u64>("user:1:name").await?);
    println!("delete {:?}", cache.delete("user:1:name").await?);
    println!("get    {:?}", cache.get::<String>("user:1:name").await?);

    // Without a TTL the configuration decides: CACHE_PREFIX_TTLS, then CACHE_DEFAULT_TTL.
    cache.set("user:2:age", &36_u8, SetOptions::default()).await?;
    println!("ttl of a name without its own {:?}", cache.ttl("user:2:age").await?);
    cache.set("user:2:age", &37_u8, Ttl::Forever).await?;
    println!("ttl of one that is kept {:?}", cache.ttl("user:2:age").await?);
    Ok(())
}

async fn load_on_demand(cache: &CacheManager) -> Result<(), Error> {
    part("A value, or the load of one.");
    for _ in 0..2 {
        let load = || async {
            println!("  loading ...");
            Ok::<_, Error>("ada@example.org".to_owned())
        };
        let mail = cache.get_or_load("user:1:mail", MINUTE, load).await?;
        println!("get_or_load {mail}");
    }
    Ok(())
}

async fn many_names(cache: &CacheManager) -> Result<(), Error> {
    part("Many names, in one round trip.");
    let squares = [("square:2", &4_u64), ("square:3", &9)];
    cache.set_many(squares, MINUTE).await?;
    let names = ["square:2", "square:3", "square:4"];
    println!("get_many {:?}", cache.get_many::<u64>(&names).await?);

    let load = |name: String| async move {
        let root = name.strip_prefix("square:").unwrap_or_default();
        root.parse::<u64>().map(|root| root * root)
    };
    let names = (1..=10).map(|root| format!("square:{root}")).chain(["square:x".to_owned()]);
    // At most four loads at a time, and none for what is there already.
    let warmed = cache.warm(names, MINUTE, 4, load).await?;
    println!("warm {} are fresh, {} failed", warmed.fresh, warmed.failed);
    Ok(())
}

async fn removal(cache: &CacheManager) -> Result<(), Error> {
    part("Removal.");
    println!("clear(\"square:[2-4]\") removed {}", cache.clear("square:[2-4]").await?);

    cache.invalidate_prefix("square").await?;
    println!("invalidate_prefix(\"square\"), then get {:?}", cache.get::<u64>("square:9").await?);

    let options = SetOptions::ttl(MINUTE).tag("team:blue");
    cache.set("score:1", &10_u64, options).await?;
    cache.invalidate_tag("team:blue").await?;
    println!("invalidate_tag(\"team:blue\"), then get {:?}", cache.get::<u64>("score:1").await?);

    match cache.invalidate_prefix("").await {
        Ok(()) => println!("an empty prefix is accepted"),
        Err(error) => println!("a mistake is an error: {error}"),
    }
    Ok(())
}

async fn state(cache: &CacheManager) {
    part("How it is, and what it has done.");
    println!("ping   {:?}", cache.ping().await);
    println!("health {:?}", cache.health().await.status);
    println!("config namespace {:?}", cache.config().namespace);
    println!("clock  {} ms since some moment", cache.clock().now_ms());
    println!("{}", cache.stats());
    cache.reset_stats();
    println!("after reset_stats: {} hits", cache.stats().total.hits());
}

/// Annotated functions use the installed manager; so can any other code.
async fn the_process_wide_one(cache: &CacheManager) -> Result<(), Error> {
    part("The process's own cache.");
    cache_runtime::install(cache.clone())?;
    cache_runtime::cache().set("shared", &1_u8, MINUTE).await?;
    println!("cache() reads {:?}", try_cache()?.get::<u8>("shared").await?);

    // A scope has a cache of its own, for as long as the future runs.
    let other = CacheManager::builder().build()?;
    let inside = cache_runtime::with(&other, async { try_cache()?.get::<u8>("shared").await });
    println!("with(&other, ..) reads {:?}", inside.await?);
    Ok(())
}
