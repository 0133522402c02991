//! A process with a cache of its own, driven by lines on its standard input (`cache_tests::Worker`).

use std::process;

use cache_tests::serve;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    serve(async |line: &str| answer(line)).await
}

fn answer(line: &str) -> String {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["ping"] => "pong".to_owned(),
        ["pid"] => process::id().to_string(),
        ["env", name] => std::env::var(name).unwrap_or_default(),
        _ => format!("error: no command {line:?}"),
    }
}
