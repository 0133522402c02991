use cache_runtime::cached;

trait Source {}

#[cached(stale_while_revalidate = "1m", skip(source))]
async fn get(source: &dyn Source, id: u64) -> u64 {
    let _ = source;
    id
}

fn main() {}
