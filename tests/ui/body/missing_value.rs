use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> u64 {
    if id > 0 {
        id;
    }
}

fn main() {}
