use cache_runtime::cached;

#[cached(stale_while_revalidate = "1m")]
async fn get(text: &str) -> Result<u64, &str> {
    text.parse().map_err(|_| text)
}

fn main() {}
