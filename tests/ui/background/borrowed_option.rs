use cache_runtime::cached;

#[cached(stale_while_revalidate = "1m")]
async fn get(id: u64, language: Option<&str>) -> u64 {
    id + language.map_or(0, |language| language.len() as u64)
}

fn main() {}
