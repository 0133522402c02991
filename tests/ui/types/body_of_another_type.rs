use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> Result<u64, String> {
    id
}

fn main() {}
