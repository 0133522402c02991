use cache_runtime::cached;

#[cached(entry_fn = get_entry)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
