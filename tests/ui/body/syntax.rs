use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> u64 {
    let next = id.;
    id + 1
}

fn main() {}
