use cache_runtime::cached;

#[cached(keep = "1h", previous = old)]
async fn no_option(id: u64, old: u64) -> u64 {
    old + id
}

#[cached(keep = "1h", previous = old)]
async fn another_type(id: u64, old: Option<String>) -> Result<u64, String> {
    Ok(id + old.map_or(0, |old| old.len() as u64))
}

#[cached(keep = "1h", previous = old)]
async fn whole_result(id: u64, old: Option<Result<u64, String>>) -> Result<u64, String> {
    old.unwrap_or(Ok(id))
}

#[cached(keep = "1h", previous = old)]
async fn passed(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

async fn calls() -> u64 {
    passed(1, None).await
}

fn main() {}
