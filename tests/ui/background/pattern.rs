use cache_runtime::cached;

#[cached(early_refresh = 1.0)]
async fn get((id, version): (u64, u64)) -> u64 {
    id + version
}

fn main() {}
