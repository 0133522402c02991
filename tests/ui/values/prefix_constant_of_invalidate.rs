use cache_runtime::cache_invalidate;

const PREFIX: &str = "video";

#[cache_invalidate(prefix = PREFIX)]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
