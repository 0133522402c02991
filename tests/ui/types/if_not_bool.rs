use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video", if = |result| *result)]
async fn change(id: u64) -> u64 {
    id
}

fn main() {}
