//! Programs of one function whose result is kept in Redis.

/// Such a program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name in a table.
    pub name: &'static str,
    /// The name of the crate.
    pub folder: &'static str,
    /// As in its manifest.
    pub dependencies: &'static str,
    /// Its source.
    pub main: &'static str,
}

/// All of them, the one that the others are compared with first.
pub const PROGRAMS: [Program; 3] = [
    Program {
        name: "cached, async Redis store",
        folder: "cached",
        dependencies: r#"
cached = { version = "4.1", features = ["async", "redis_tokio"] }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#,
        main: r#"
use cached::macros::concurrent_cached;

#[derive(Clone, Debug)]
struct Failure(String);

#[concurrent_cached(redis = true, ttl_secs = 300, map_error = |error| Failure(error.to_string()))]
async fn greeting(id: u64) -> Result<String, Failure> {
    Ok(format!("hello {id}"))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    println!("{}", greeting(1).await.map_err(|Failure(error)| Failure(error))?);
    Ok(())
}
"#,
    },
    Program {
        name: "cache-runtime",
        folder: "cache-runtime",
        dependencies: r#"
cache-runtime = { path = {runtime} }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#,
        main: r#"
use cache_runtime::cached;

#[cached(ttl = "5m")]
async fn greeting(id: u64) -> String {
    format!("hello {id}")
}

#[tokio::main]
async fn main() {
    println!("{}", greeting(1).await);
}
"#,
    },
    Program {
        name: "redis-rs by hand",
        folder: "by-hand",
        dependencies: r#"
redis = { version = "1.8", default-features = false, features = ["tokio-comp"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#,
        main: r#"
use redis::AsyncTypedCommands;

#[derive(serde::Serialize, serde::Deserialize)]
struct Greeting(String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = redis::Client::open(std::env::var("REDIS_URL")?)?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let greeting = match redis.get("greeting:1").await? {
        Some(text) => serde_json::from_str(&text)?,
        None => {
            let greeting = Greeting("hello 1".into());
            redis.set_ex("greeting:1", serde_json::to_string(&greeting)?, 300).await?;
            greeting
        }
    };
    println!("{}", greeting.0);
    Ok(())
}
"#,
    },
];
